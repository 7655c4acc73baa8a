export declare const CHROMIUM_PLACES: readonly string[];

/** Undefined where none is there. */
export declare function findChromium(): string | undefined;
