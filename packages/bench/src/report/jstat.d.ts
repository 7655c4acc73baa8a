/** The part of jstat that the report uses; the package brings no types. */
declare module 'jstat' {
  const jstat: {
    /** Quantile `p` of the normal distribution. */
    readonly normal: { inv(p: number, mean: number, std: number): number };
    /** Quantile `p` of Student's t distribution. */
    readonly studentt: { inv(p: number, degreesOfFreedom: number): number };
  };
  export default jstat;
}
