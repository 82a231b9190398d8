declare module "*/skiff-init" {
  /** Path of the embedded file: on disk when run from source, below /$bunfs in the executable. */
  const path: string;
  export default path;
}
