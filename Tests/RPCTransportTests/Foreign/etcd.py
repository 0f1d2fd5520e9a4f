"""Debian's etcd with a new data directory: etcd.py. Prints `listening PORT`; ends when its standard input does."""
import socket
import subprocess
import sys
import tempfile
import time


def reserved_port():
    """A socket that keeps its port from everybody who leaves the choice to the kernel, and not from etcd."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


def is_answering(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def main():
    with (tempfile.TemporaryDirectory(prefix="etcd.") as directory, reserved_port() as for_clients,
          reserved_port() as for_peers):
        client, peer = (holder.getsockname()[1] for holder in (for_clients, for_peers))
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
