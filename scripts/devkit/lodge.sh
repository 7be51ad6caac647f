# Owns what an engine of kinds.py sees: packages over the machine's folders, in namespaces of its
# own. Its directory is at /mnt there, where a user who may not enter root's home reaches it.
# Arguments: its directory, the unpacked packages, its kind, the user it runs as.
set -e
home=$1 tree=$2 kind=$3 user=$4
mount --make-rprivate /
mount --make-rshared /
mount -t overlay -o "lowerdir=$home/links:$tree/usr:/usr" overlay /usr
for part in bin sbin lib; do
    [ ! -d "$tree/$part" ] || mount -t overlay -o "lowerdir=$tree/$part:/usr/$part" overlay "/usr/$part"
done
layer=$home/private/etc
mount -t overlay -o "lowerdir=$tree/etc:/etc,upperdir=$layer/upper,workdir=$layer/work" overlay /etc
layer=$home/private/lib
mount -t overlay -o "lowerdir=/var/lib,upperdir=$layer/upper,workdir=$layer/work" overlay /var/lib
mount --bind "$home" /mnt
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
# crun does not know a mixture of both versions of cgroups.
umount --lazy /sys/fs/cgroup/unified 2>/dev/null || true
mkdir -p /dev/net
mount -t tmpfs tmpfs /dev/net
mknod -m 666 /dev/net/tun c 10 200
case $kind in *-rootless)
    chown -R "$user:" "$home/run" "$home/user/.config"
    chown "$user:" "$home" "$home/user"
    chmod 700 "$home/run"
    set -- setpriv --reuid "$user" --regid "$user" --init-groups env --ignore-environment \
        HOME=/mnt/user USER="$user" XDG_RUNTIME_DIR=/mnt/run PATH=/usr/sbin:/usr/bin:/sbin:/bin
    ;;
*)
    set -- env --ignore-environment HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
    ;;
esac
socket=unix:///mnt/docker.sock
case $kind in
podman*) set -- "$@" podman system service --time=0 "$socket" ;;
docker*) set -- "$@" sh /usr/share/docker.io/contrib/dockerd-rootless.sh --host "$socket" ;;
esac
# The first process collects ended processes in here, and all of them end with it.
exec docker-init -s -- "$@"
