// A clock inside the picture: the time of drawing as black and white cells along the top, which survive encoding and
// scaling, so that a page which plays the picture knows how old it is. 32 bits of milliseconds and 16 of a checksum:
// a torn or blurred band reads as nothing, never as a wrong time.

/** Runs in a page, before its scripts: makes the global pictureClock. Publisher and viewer must share a machine. */
export function installClock() {
  const COLUMNS = 16;
  const ROWS = 3;
  const SHARE = 0.2; // of the picture's height
  const CELL = 6; // pixels a side of a cell when it is read

  /** CRC-16 CCITT over the four bytes of a time. */
  const checksum = (time) => {
    let crc = 0xffff;
    for (let shift = 24; shift >= 0; shift -= 8) {
      crc ^= ((time >>> shift) & 0xff) << 8;
      for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
    }
    return crc;
  };
  const now = () => Date.now() >>> 0; // the low 32 bits

  /** Draws a moving picture with the time in it; returns the canvas. */
  const draw = (width, height, fps) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const drawing = canvas.getContext('2d', { alpha: false });
    let n = 0;
    const paint = () => {
      drawing.fillStyle = `hsl(${n % 360} 40% 45%)`;
      drawing.fillRect(0, 0, width, height);
      drawing.fillStyle = '#fff';
      drawing.fillRect((n++ * 4) % width, height / 2, width / 16, height / 8);
      const time = now();
      const crc = checksum(time);
      for (let cell = 0; cell < COLUMNS * ROWS; cell++) {
        const bit = cell < 32 ? (time >>> (31 - cell)) & 1 : (crc >>> (47 - cell)) & 1;
        const [x, y] = [cell % COLUMNS, Math.floor(cell / COLUMNS)];
        drawing.fillStyle = bit ? '#fff' : '#000';
        drawing.fillRect((x * width) / COLUMNS, (y * height * SHARE) / ROWS, width / COLUMNS + 1, (height * SHARE) / ROWS + 1);
      }
    };
    paint();
    setInterval(paint, 1_000 / fps);
    return canvas;
  };

  const reader = new OffscreenCanvas(COLUMNS * CELL, ROWS * CELL).getContext('2d', { willReadFrequently: true });

  /** The time in the picture that a video shows, or null. */
  const read = (video) => {
    reader.drawImage(video, 0, 0, video.videoWidth, video.videoHeight * SHARE, 0, 0, COLUMNS * CELL, ROWS * CELL);
    const { data } = reader.getImageData(0, 0, COLUMNS * CELL, ROWS * CELL);
    const bit = (cell) => {
      const x = (cell % COLUMNS) * CELL + CELL / 2;
      const y = Math.floor(cell / COLUMNS) * CELL + CELL / 2;
      return data[(y * COLUMNS * CELL + x) * 4 + 1] > 127 ? 1 : 0; // green
    };
    let [time, crc] = [0, 0];
    for (let cell = 0; cell < 32; cell++) time = ((time << 1) | bit(cell)) >>> 0;
    for (let cell = 32; cell < 48; cell++) crc = (crc << 1) | bit(cell);
    return crc === checksum(time) ? time : null;
  };

  /** Notes of every picture that a video shows, into the result: when it was drawn and how old it is, in milliseconds. */
  const watch = (video) => {
    const seen = { first: 0, drawn: [], ages: [], unreadable: 0 };
    const look = () => {
      seen.first ||= performance.now();
      const time = read(video);
      if (time === null) seen.unreadable++;
      else {
        seen.drawn.push(time);
        seen.ages.push((now() - time) | 0);
      }
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    return seen;
  };

  globalThis.pictureClock = { draw, watch };
}
