#!/bin/sh
# Installs from Debian's packages what the tests run beside Skiff: the genuine programs and their tools.
# Quiet, and quick when everything is there. No service is started: the tests start what they need, on paths of their own.
set -eu

packages="docker.io containerd runc crun podman conmon netavark docker-registry skopeo umoci debootstrap busybox-static python3-docker
  nftables iptables iproute2 tmux zstd cpio xz-utils attr libcap2-bin jq curl procps qemu-system-x86 libseccomp2"

missing=
for package in $packages; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing for the tests:$missing"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
rm -f "$log"
