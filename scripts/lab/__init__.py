"""The laboratory: a rack on one Debian 12 machine, made of namespaces, veth pairs and QEMU.

Standard library only, so that `/usr/bin/python3` of a fresh Debian 12 runs it.
"""
