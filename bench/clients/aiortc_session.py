"""What publishing and playing with aiortc, which is neither libwebrtc nor pion, have in common: one session of WHIP or WHEP,
from the offer to the DELETE. It is imported by the programs beside it."""

import contextlib
import os
import sys
import urllib.parse

import aiohttp
from aiortc import RTCSessionDescription


@contextlib.asynccontextmanager
async def session(url, pc):
    """Offers what the connection has, and ends the session behind what is done in it."""
    await pc.setLocalDescription(await pc.createOffer())
    token = os.environ.get("WEIR_TOKEN")
    headers = {"Authorization": "Bearer " + token} if token else {}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(url, data=pc.localDescription.sdp, headers={"Content-Type": "application/sdp"}) as response:
            answer = await response.text()
            if response.status != 201:
                sys.exit(f"POST: {response.status} {answer}")
            print("created", response.status, response.headers.get("ETag"), flush=True)
            location = urllib.parse.urljoin(url, response.headers["Location"])
        await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        yield
        async with http.delete(location) as response:
            print("deleted", response.status, flush=True)
    await pc.close()
