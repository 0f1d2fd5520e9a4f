#!/bin/sh
# Called by udhcpc. Puts the lease on the interface and writes it to $LEASE_FILE, by default /tmp/lease, for /init.
case "$1" in
deconfig)
	ip addr flush dev "$interface"
	ip link set "$interface" up
	;;
bound | renew)
	ip addr flush dev "$interface"
	ip addr add "$ip/${mask:-24}" dev "$interface"
	for gateway in $router; do
		ip route replace default via "$gateway" dev "$interface"
		break
	done
	{
		echo "address=$ip"
		echo "server=$serverid"
		echo "hostname=$hostname"
	} >"${LEASE_FILE:-/tmp/lease}"
	;;
esac
exit 0
