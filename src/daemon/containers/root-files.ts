/** The few things skiffd does inside a container's root file system, all below a descriptor of its root (`openat2`, RESOLVE_IN_ROOT). */
export interface RootFiles {
  /** Text of a regular file of at most `limit` bytes; "" when there is none. Anything else at the path is refused (CVE-2024-9676). */
  readText(root: string, path: string, limit: number): Promise<string>;
  /** Makes a directory and its parents, 0755 root. @throws not a directory. */
  makeDirectory(root: string, path: string): Promise<void>;
  /** Copies what the directory `path` of `root` has into the host directory `target`, if that is empty, owners and modes kept. */
  copyUp(root: string, path: string, target: string): Promise<void>;
  /** Host path of a directory or file inside a volume, resolved without leaving it. */
  resolveBelow(root: string, path: string): Promise<string>;
}
