// Peers' encoders for benchmarks/encoders.py: one JSON job a line in, one JSON answer a line out. Time is the encoder's alone.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const require = createRequire(process.cwd() + '/')
const sharp = require('sharp')
const load = async name => import(pathToFileURL(require.resolve(name)).href)
const wasm = async (name, file) => WebAssembly.compile(readFileSync(require.resolve('@jsquash/' + name + '/package.json').replace('package.json', file)))

const ready = {}
async function squash (kind) {
  if (!ready[kind]) {
    const path = { webp: ['webp', 'codec/enc/webp_enc.wasm', 'encode.js'], avif: ['avif', 'codec/enc/avif_enc.wasm', 'encode.js'] }[kind]
    const module = await import(pathToFileURL(require.resolve('@jsquash/' + path[0] + '/package.json').replace('package.json', path[2])).href)
    await module.init(await wasm(path[0], path[1]))
    ready[kind] = module.default
  }
  return ready[kind]
}
async function oxipng () {
  if (!ready.oxipng) {
    const at = file => require.resolve('@jsquash/oxipng/package.json').replace('package.json', file)
    const module = await import(pathToFileURL(at('codec/pkg/squoosh_oxipng.js')).href)
    await module.default(readFileSync(at('codec/pkg/squoosh_oxipng_bg.wasm')))
    ready.oxipng = module
  }
  return ready.oxipng
}

async function encode ({ by, kind, quality, from, raw, width, height }) {
  if (by === 'sharp') {
    const picture = sharp(readFileSync(raw), { raw: { width, height, channels: 4 } })
    if (kind === 'webp') return picture.webp({ quality, effort: 4, smartSubsample: true }).toBuffer()
    if (kind === 'webp-lossless') return picture.webp({ lossless: true, effort: 4 }).toBuffer()
    if (kind === 'avif') return picture.avif({ quality, effort: 4 }).toBuffer()
    return picture.png({ palette: true, quality, effort: 7 }).toBuffer()
  }
  if (by === 'oxipng') {
    const { optimise } = await oxipng()
    return optimise(new Uint8Array(readFileSync(from)), 2, false, true)
  }
  const codec = await squash(kind === 'webp-lossless' ? 'webp' : kind)
  const data = { data: new Uint8ClampedArray(readFileSync(raw)), width, height }
  return codec(data, kind === 'webp-lossless' ? { lossless: 1 } : kind === 'webp' ? { quality } : { quality, speed: 6 })
}

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line)
  try {
    if (job.by !== 'oxipng') await encode(job) // what loads and compiles on the first call is no encoding
    const begun = performance.now()
    const data = Buffer.from(await encode(job))
    const seconds = (performance.now() - begun) / 1000
    writeFileSync(job.to, data)
    console.log(JSON.stringify({ bytes: data.length, seconds }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error).slice(0, 300) }))
  }
}
