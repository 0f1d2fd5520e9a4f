#!/bin/sh
# The first and only process of the machine: take an address, say so, phone home, power off.
#
# The kernel command line may hold
#   muster.phone_home=URL   where to POST what this machine is; without it nothing is posted
#   muster.hold=SECONDS     how long to stay up before powering off (default 0)
#   BOOTIF=01-aa-bb-...     the interface that booted, else the first one
# The serial console gets lines that begin with MUSTER-, for whoever watches.

/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
[ -c /dev/ttyS0 ] && exec >/dev/ttyS0 2>&1

say() { echo "MUSTER-$*"; }

argument() {
	for word in $(cat /proc/cmdline); do
		case "$word" in "$1="*) echo "${word#*=}" && return ;; esac
	done
}

# A JSON string: control characters go, quotes and backslashes are escaped.
json() { printf '"%s"' "$(printf %s "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"; }

dmi() { cat "/sys/class/dmi/id/$1" 2>/dev/null; }

finish() {
	say "END $1"
	sleep "$(argument muster.hold || echo 0)" 2>/dev/null
	poweroff -f
}

while read -r module; do insmod "/lib/$module.ko"; done </lib/modules.order

interface= macs= boot_mac=$(argument BOOTIF | sed 's/^01-//; s/-/:/g')
for path in /sys/class/net/*; do
	name=${path##*/}
	[ "$name" = lo ] && continue
	mac=$(cat "$path/address")
	macs="$macs${macs:+,}$(json "$mac")"
	if [ -z "$interface" ] || [ "$mac" = "$boot_mac" ]; then interface=$name; fi
done
if [ -z "$interface" ]; then
	say "FAILED no network interface"
	finish failed
fi

mac=$(cat "/sys/class/net/$interface/address")
ip link set lo up
ip link set "$interface" up
if ! udhcpc -i "$interface" -s /etc/udhcpc.sh -n -q -f -t 8 -T 2 >/tmp/udhcpc.log 2>&1; then
	cat /tmp/udhcpc.log
	say "FAILED no lease for $mac"
	finish failed
fi
. /tmp/lease
[ -d /sys/firmware/efi ] && firmware=uefi || firmware=bios
say "BOOT mac=$mac address=$address server=$server hostname=$hostname firmware=$firmware"

url=$(argument muster.phone_home)
if [ -n "$url" ]; then
	memory_mib=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
	cpu_count=$(grep -c '^processor' /proc/cpuinfo)
	cpu_model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	body=$(printf '{"macs":[%s],"serial":%s,"uuid":%s,"firmware":"%s","memory_mib":%d,"cpu_count":%d,"cpu_model":%s,"hostname":%s}' \
		"$macs" "$(json "$(dmi product_serial)")" "$(json "$(dmi product_uuid)")" "$firmware" \
		"$memory_mib" "$cpu_count" "$(json "$cpu_model")" "$(json "$hostname")")
	# Debian's static busybox crashes on `wget -T`, so the limit comes from outside.
	for attempt in 1 2 3 4 5; do
		if timeout 5 wget -q -O /tmp/answer --header 'Content-Type: application/json' --post-data "$body" "$url"; then
			say "PHONE-HOME ok url=$url"
			finish ok
		fi
		sleep 1
	done
	say "PHONE-HOME failed url=$url"
	finish failed
fi
finish ok
