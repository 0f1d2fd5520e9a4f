"""Calls without pause: load.py TARGET SECONDS. Every call must succeed while servers come and go. Prints PASS or FAIL."""
import sys
import threading
import time

import grpc

import messages as m

deadline = time.monotonic() + float(sys.argv[2])
options = [("grpc.initial_reconnect_backoff_ms", 20), ("grpc.min_reconnect_backoff_ms", 20), ("grpc.max_reconnect_backoff_ms", 50)]
channel = grpc.insecure_channel(sys.argv[1], options)
stub = m.Stub(channel)
counts, failures = [], []


def work():
    count = 0
    while time.monotonic() < deadline:
        try:
            stub.Unary(m.EchoRequest(id=1), timeout=20, wait_for_ready=True)
            count += 1
        except grpc.RpcError as error:
            failures.append(f"{error.code()} {error.details()}")
    counts.append(count)


threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"FAIL goaway_under_load: {len(failures)} of {sum(counts)}: {failures[:3]}" if failures or not sum(counts) else "PASS goaway_under_load")
