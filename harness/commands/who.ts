import { hostname, userInfo } from 'node:os';

/** Who says so, for those who find it later. A container's user may have no name. */
export function who(): string {
  try {
    return `${userInfo().username} on ${hostname()}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw error;
    return `user ${process.getuid?.()} on ${hostname()}`;
  }
}
