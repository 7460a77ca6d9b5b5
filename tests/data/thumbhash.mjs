// Writes thumbhash.json: what the published package gives. npm install thumbhash@0.1.1, then node thumbhash.mjs > thumbhash.json
import { rgbaToThumbHash } from 'thumbhash'

const cases = [[1, 1], [5, 3], [3, 5], [32, 32], [100, 40], [40, 100], [99, 100], [64, 9]]
const found = []
for (const [width, height] of cases) {
  for (const alpha of [false, true]) {
    const rgba = new Uint8Array(width * height * 4)
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        rgba.set([(x * 11 + y * 5) % 256, (x * y) % 256, (x * x + 3 * y) % 256, alpha ? (x * 3 + y * 7) % 256 : 255], (y * width + x) * 4)
      }
    }
    found.push({ width, height, alpha, hash: Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64') })
  }
}
console.log(JSON.stringify(found, null, 1))
