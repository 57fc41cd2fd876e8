#!/usr/bin/python3
"""Plays a stream by WHEP with aiortc, which is neither libwebrtc nor pion, and decodes what comes.

It prints a line for each step, DELETEs its session when it has seen enough, and fails if that takes too long.

usage: aiortc_whep.py URL
"""

import asyncio
import sys

from aiortc import RTCPeerConnection

from aiortc_session import session

PATIENCE = 60  # seconds for everything
PICTURES = 60
SOUNDS = 100  # frames of 20 ms


async def receive(track, wanted):
    """Decodes frames, and returns what tells that they are what was sent."""
    sizes, pitches, times = set(), [], []
    for _ in range(wanted):
        frame = await track.recv()
        times.append(frame.pts)
        if track.kind == "video":
            sizes.add((frame.width, frame.height))
        else:
            pitches.append(crossings(frame.to_ndarray()[0], frame.sample_rate, len(frame.layout.channels)))
    rising = all(a < b for a, b in zip(times, times[1:]))
    what = sorted(sizes) if track.kind == "video" else sorted(pitches)[len(pitches) // 2]
    print(track.kind, wanted, what, "rising" if rising else f"times {times}", flush=True)


def crossings(samples, rate, channels):
    """The pitch of a tone in Hz, by the zeros that it crosses upwards."""
    first = samples[::channels]
    up = ((first[:-1] < 0) & (first[1:] >= 0)).sum()
    return int(up * rate / len(first))


async def play(url):
    pc = RTCPeerConnection()
    receivers = []

    @pc.on("track")
    def on_track(track):
        receivers.append(asyncio.ensure_future(receive(track, PICTURES if track.kind == "video" else SOUNDS)))

    pc.addTransceiver("video", direction="recvonly")
    pc.addTransceiver("audio", direction="recvonly")
    async with session(url, pc):
        await asyncio.gather(*receivers)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(asyncio.wait_for(play(sys.argv[1]), PATIENCE))


main()
