# For hosts.testing.ts: wires that delay and lose packets, for kernels whose tc cannot (no netem). Each is a pair of TAP devices, whose
# packets this process carries over.  python3 hosts-wire.testing.py COUNT DELAY_SECONDS LOSS
import collections
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000


def tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


count, delay, loss = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
other = {}
outward = set()
for i in range(count):
    port, end = tap(f"port{i}"), tap(f"end{i}")
    other[port], other[end] = end, port
    outward.add(end)
print("ready", flush=True)

draw = random.Random(1)
waiting = collections.deque()  # (due, device, packet); all wait as long, so that the first is due first
poll = select.poll()
for device in (0, *other):
    poll.register(device, select.POLLIN)
while True:
    pause = None if not waiting else max(0.0, (waiting[0][0] - time.monotonic()) * 1000)
    for device, _ in poll.poll(pause):
        if device == 0:  # closed: who made the hosts has ended
            sys.exit()
        try:
            for _ in range(64):
                packet = os.read(device, 65536)
                # Half of a connection's way is enough: what a host sends is late or lost, what it gets is not.
                late = delay if device in outward else 0.0
                if device in outward and draw.random() < loss:
                    continue
                if late > 0:
                    waiting.append((time.monotonic() + late, other[device], packet))
                else:
                    os.write(other[device], packet)
        except OSError:
            pass  # nothing more to read; a device that is down
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, device, packet = waiting.popleft()
        try:
            os.write(device, packet)
        except OSError:
            pass
