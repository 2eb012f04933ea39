import { readFile, stat, statfs } from 'node:fs/promises';

/** statfs types of file systems whose files end at 4 GiB less a byte. */
const FAT_TYPES = new Set([0x4d44]);

/** The statfs type of every file system that a program serves (FUSE). */
const SERVED_TYPE = 0x65735546;
const SERVED_FAT = /^fuse(?:blk)?\.(?:fusefat|vfat|msdos)$/;

/** Whether a path is on a file system that a program serves, rather than the kernel. */
export async function isServed(path: string): Promise<boolean> {
  return (await statfs(path)).type === SERVED_TYPE;
}

/** Whether a path is on FAT, as far as the system says. exFAT takes larger files. */
export async function isFat(path: string): Promise<boolean> {
  const { type } = await statfs(path);
  if (type === SERVED_TYPE) return SERVED_FAT.test(await mountedType(path));
  return FAT_TYPES.has(type);
}

/** What the mount table calls the file system of a path; empty where it does not say. */
async function mountedType(path: string): Promise<string> {
  const { dev } = await stat(path);
  // Those without a device of their own have major 0; the minor's bits stand on both sides of it.
  const device = `0:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const mount = table.split('\n').find((line) => line.split(' ')[2] === device);
  return / - (\S+)/.exec(mount ?? '')?.[1] ?? '';
}
