/** Which names a server answers to: a page of another site that has its own name lead here (DNS rebinding) is not served. */
import { isIP } from 'node:net';

/** True for addresses that only this machine reaches, and their name. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * What tells whether a request's `Host` is one of ours: an address, `localhost`, or the name that was asked for. No site elsewhere
 * has an address for a name, so that these need no list.
 */
export function createHostCheck(host: string): (header: string | undefined) => boolean {
  return (header) => {
    const name = hostName(header);
    if (name === undefined) return false;
    if (isLoopback(host)) return isLoopback(name);
    return name === host.toLowerCase() || name === 'localhost' || isIP(name) !== 0;
  };
}

/** `::1` of `[::1]:4173`; undefined where it is no host and port. */
function hostName(header: string | undefined): string | undefined {
  const [, six, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d+)?$/i.exec(header ?? '') ?? [];
  return (six ?? name)?.toLowerCase();
}
