#!/usr/bin/python3
"""Publishes a test picture and a tone by WHIP with aiortc, which is neither libwebrtc nor pion.

It reads the bearer token from WEIR_TOKEN, prints a line for each step and DELETEs its session at the end. It goes
on until its standard input ends.

usage: aiortc_whip.py URL
"""

import asyncio
import sys

from aiortc import RTCPeerConnection, RTCRtpSender
from aiortc.contrib.media import MediaPlayer

from aiortc_session import session

PATIENCE = 30  # seconds to connect


def add_media(pc):
    """Adds a picture in H.264, which aiortc does not prefer, and a tone in Opus."""
    picture = MediaPlayer("testsrc=s=320x240:r=25", format="lavfi")
    tone = MediaPlayer("sine=frequency=440:sample_rate=48000", format="lavfi")
    video = pc.addTransceiver(picture.video, direction="sendonly")
    pc.addTransceiver(tone.audio, direction="sendonly")
    h264 = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == "video/H264"]
    video.setCodecPreferences(h264)


async def publish(url):
    pc = RTCPeerConnection()
    connected = asyncio.Event()

    @pc.on("connectionstatechange")
    def on_state():
        print("state", pc.connectionState, flush=True)
        if pc.connectionState == "connected":
            connected.set()

    add_media(pc)
    async with session(url, pc):
        await asyncio.wait_for(connected.wait(), PATIENCE)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(publish(sys.argv[1]))


main()
