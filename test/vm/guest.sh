#!/bin/busybox sh
# Init of the virtual machine: mounts what a machine has, starts skiffd, runs the main job and says of each step what came of it:
#   STEP <name> | <output on one line> | <exit code>
export PATH=/bin:/sbin HOME=/root
/bin/busybox --install -s /bin

# The container's pivot_root cannot leave the initial ramfs: move to a tmpfs first.
if [ "$1" != moved ]; then
	mount -t tmpfs -o size=2400m new /new
	for entry in bin busybox.tar etc init lib lib64 root run sbin tmp usr var; do
		[ -e "/$entry" ] && cp -a "/$entry" /new/
	done
	mkdir -p /new/proc /new/sys /new/dev
	mount -t devtmpfs dev /new/dev
	exec switch_root /new /init moved
fi

mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t securityfs security /sys/kernel/security
echo "+cpu +cpuset +memory +pids +io" >/sys/fs/cgroup/cgroup.subtree_control
modules=/lib/modules/$(uname -r)
while read -r name; do insmod "$modules/$name.ko"; done <"$modules/order"
ip link set lo up


once() {
	name=$1
	shift
	output=$("$@" 2>&1)
	code=$?
	echo "STEP $name | $(printf '%s' "$output" | tr '\n' '~') | $code"
}

skiffd -H unix:///var/run/docker.sock >/tmp/skiffd.log 2>&1 &
tries=0
until docker version >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ $tries -lt 120 ] || break
	sleep 0.5
done

once load docker load -i /busybox.tar
once info docker info --format '{{.CgroupVersion}} {{.SecurityOptions}}'
once hello docker run --rm busybox echo hello
once skiff skiff -H unix:///var/run/docker.sock run --rm busybox echo hello
once apparmor docker run --rm busybox cat /proc/self/attr/current
once cgroup docker run --rm -m 64m --pids-limit 33 --cpus 0.5 busybox sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup; cat memory.max pids.max cpu.max'
once devices docker run --rm busybox sh -c 'echo x >/dev/null && head -c 1 /dev/zero | wc -c; mknod /tmp/d b 1 0 && cat /tmp/d'
once allowed docker run --rm --device /dev/kmsg:/dev/kmsg:r busybox sh -c 'ls /dev/kmsg'
once detached docker run -d --name long -p 8080:80 busybox sh -c 'echo served >/tmp/index.html; echo ready; httpd -f -h /tmp'
once exec docker exec long cat /proc/1/comm
sleep 1
once published wget -q -O - http://127.0.0.1:8080/
once logs docker logs long
once pause docker pause long
once paused docker inspect -f '{{.State.Status}}' long
once unpause docker unpause long
once stop docker stop -t 1 long
once state docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' long
once rm docker rm long
once left sh -c 'ls /sys/fs/cgroup/docker 2>/dev/null | grep -c "^[0-9a-f]\{64\}$"'
once init skiff -H unix:///var/run/docker.sock run --rm --init busybox sh -c 'exit 3'
echo "LOG $(tail -n 30 /tmp/skiffd.log | tr '\n' '~')"
echo "DONE"
poweroff -f
