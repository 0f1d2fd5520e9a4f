"""Debian's etcd with a new data directory: etcd.py. Prints `listening PORT`; ends when its standard input does."""
import socket
import subprocess
import sys
import tempfile
import time


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def is_answering(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def main():
    with tempfile.TemporaryDirectory(prefix="etcd.") as directory:
        client, peer = free_ports(2)
        url = f"http://127.0.0.1:{peer}"
        process = subprocess.Popen(
            ["etcd", "--data-dir", directory, "--listen-client-urls", f"http://127.0.0.1:{client}",
             "--advertise-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls", url,
             "--initial-advertise-peer-urls", url, "--initial-cluster", f"default={url}", "--unsafe-no-fsync"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not is_answering(client):
                if process.poll() is not None:
                    raise SystemExit("etcd ended")
                time.sleep(0.05)
            print("listening", client, flush=True)
            sys.stdin.buffer.read()
        finally:
            process.kill()
            process.wait()


main()
