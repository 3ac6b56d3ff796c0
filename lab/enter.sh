#!/bin/sh
# enter.sh NAMESPACE GROUP COMMAND...: run a supervised program where it belongs, in the network namespace
# NAMESPACE ("-" for the lab's own) and in the control group GROUP of every hierarchy.
namespace=$1 group=$2
shift 2
for procs in /sys/fs/cgroup/"$group"/cgroup.procs /sys/fs/cgroup/*/"$group"/cgroup.procs; do
    [ -e "$procs" ] && echo $$ > "$procs"
done
[ "$namespace" = - ] && exec "$@"
# Not `ip netns exec`: that mounts a /sys without the control groups.
exec nsenter --net="/run/netns/$namespace" -- "$@"
