/** Media types of images: OCI's (image-spec, media-types.md) and Docker's older ones that mean the same. */
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
export const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";
export const DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/** Signed manifests of before 2016; nobody serves them to us, and we say so. */
export const DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";

const DOCKER_LAYERS: readonly string[] = [
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  `${DOCKER_LAYER}.zstd`,
  "application/vnd.docker.image.rootfs.foreign.diff.tar",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
];

export const isIndexType = (type: string) => type === OCI_INDEX || type === DOCKER_LIST;

export const isManifestType = (type: string) => type === OCI_MANIFEST || type === DOCKER_MANIFEST;

export const isConfigType = (type: string) => type === OCI_CONFIG || type === DOCKER_CONFIG;

export function isLayerType(type: string): boolean {
  return (
    type.startsWith("application/vnd.oci.image.layer.") || DOCKER_LAYERS.includes(type.split("+", 1)[0]!)
  );
}

/** Layers that registries must not be sent (base layers of Windows). */
export function isNonDistributable(type: string): boolean {
  return (
    type.startsWith("application/vnd.oci.image.layer.nondistributable.") ||
    type.startsWith("application/vnd.docker.image.rootfs.foreign.")
  );
}
