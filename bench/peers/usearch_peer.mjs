// usearch (npm) behind the lines of bench/vector_bench.cc. Usage: node usearch_peer.mjs FOLDER INDEX TYPE
// from a folder whose node_modules has it. TYPE: f32, bf16, f16 or i8.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import readline from 'node:readline';

const { Index } = createRequire(`${process.cwd()}/`)('usearch');
const [folder, file, type] = process.argv.slice(2);
const dimensions = 1024;
const k = 10;
const kTrue = 100;

function read(name, type) {
  const bytes = fs.readFileSync(`${folder}/${name}`);
  return new type(bytes.buffer, bytes.byteOffset, bytes.length / type.BYTES_PER_ELEMENT);
}
const index = (beam) => new Index({
  dimensions, metric: 'ip', quantization: type, connectivity: 16, expansion_add: 128, expansion_search: beam,
});
const cpu = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6; };

const queries = read('query.f32', Float32Array);
const answers = read('true.i32', Int32Array);
const about = {};
if (!fs.existsSync(file)) {
  const base = read('base.f32', Float32Array);
  const rows = base.length / dimensions;
  const made = index(64);
  const keys = BigUint64Array.from({ length: rows }, (_, i) => BigInt(i));
  const before = cpu();
  const start = performance.now();
  for (let i = 0; i < rows; i += 5000) {
    const end = Math.min(rows, i + 5000);
    made.add(keys.subarray(i, end), base.subarray(i * dimensions, end * dimensions), 2);
  }
  about.build_seconds = (performance.now() - start) / 1e3;
  about.build_cpu_seconds = cpu() - before;
  made.save(file);
}
about.bytes_per_vector = fs.statSync(file).size / (fs.statSync(`${folder}/base.f32`).size / 4 / dimensions);
console.log(JSON.stringify(about));

let loaded = null;
let loadedBeam = 0;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [what, beam, threads] = line.split(' ');
  if (what !== 'search') process.exit(1);
  if (loadedBeam !== Number(beam)) {
    loaded = null;
    globalThis.gc?.();  // an index is memory that the collector does not see
    loaded = index(Number(beam));
    loaded.load(file);
    loadedBeam = Number(beam);
    loaded.search(queries, k, 1);  // touches what was just loaded
  }
  const before = cpu();
  const start = performance.now();
  const found = loaded.search(queries, k, Number(threads));
  const seconds = (performance.now() - start) / 1e3;
  const used = cpu() - before;
  const count = queries.length / dimensions;
  let right = 0;
  for (let i = 0; i < count; ++i) {
    const wanted = new Set(answers.subarray(i * kTrue, i * kTrue + k));
    for (let j = 0; j < k; ++j) right += wanted.has(Number(found.keys[i * k + j])) ? 1 : 0;
  }
  console.log(JSON.stringify({ recall: right / count / k, qps: count / seconds, queries_per_cpu_second: count / used }));
}
