// Our vector search beside hnswlib and usearch, on the same vectors, in rounds that take turns.
// Usage: node bench/vector_bench.mjs SCRATCH [--bench PROGRAM] [--hnswlib INCLUDE] [--usearch FOLDER]
//                                    [--types bf16,i8] [--rounds 5] [--beams 12,16,…] [--out FILE]
// SCRATCH keeps vectors and indexes between runs (2.5 GB). INCLUDE is the folder that holds
// hnswlib/hnswlib.h, FOLDER one whose node_modules holds usearch; a peer that is not given is left
// out. One JSON object on standard output; docs/vector-search.md says how to read it.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bench: { type: 'string', default: path.join(here, '../build/release/bin/vector_bench') },
    hnswlib: { type: 'string' },
    usearch: { type: 'string' },
    types: { type: 'string', default: 'bf16,i8' },
    rounds: { type: 'string', default: '5' },
    beams: { type: 'string', default: '10,12,14,16,20,24,28,32,40,48,64,80,96,128' },
    out: { type: 'string' },
  },
});
const scratch = path.resolve(positionals[0] ?? '');
if (positionals.length !== 1 || !fs.existsSync(scratch)) {
  console.error('usage: node bench/vector_bench.mjs SCRATCH [--hnswlib INCLUDE] [--usearch FOLDER] …');
  process.exit(2);
}
const targets = [0.95, 0.99];
const beams = options.beams.split(',').map(Number);
const rounds = Number(options.rounds);

function must(command, args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}

// A program that answers one line of JSON to each line.
class Engine {
  constructor(name, command, args, cwd) {
    this.name = name;
    this.process = spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = readline.createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }
  async next() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended`);
    return JSON.parse(value);
  }
  ask(line) {
    this.process.stdin.write(`${line}\n`);
    return this.next();
  }
  end() {
    this.process.stdin.end();
  }
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
function spread(list) {
  return { median: median(list), least: Math.min(...list), most: Math.max(...list) };
}

if (!fs.existsSync(`${scratch}/true.i32`)) must(options.bench, ['data', scratch]);
const engines = [];
const result = { rounds, build: {}, search: [], scan: {}, filters: [] };

// One after the other, so that builds do not share the processor.
async function start(name, command, args, cwd) {
  const engine = new Engine(name, command, args, cwd);
  const file = `${scratch}/${name}.build.json`;
  const about = await engine.next();
  // An index that was kept says what building it took.
  if (about.build_cpu_seconds !== undefined) fs.writeFileSync(file, JSON.stringify(about));
  result.build[name] = { ...(fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : {}), ...about };
  engines.push(engine);
  return engine;
}
const ours = await start('ours', options.bench, ['serve', scratch, `${scratch}/ours`]);
if (options.hnswlib) {
  const program = `${scratch}/hnswlib_peer`;
  must('g++', ['-O3', '-march=native', '-std=c++17', '-pthread', '-I', options.hnswlib,
    `${here}/peers/hnswlib_peer.cc`, '-o', program]);
  await start('hnswlib', program, [scratch, `${scratch}/hnswlib.idx`]);
}
if (options.usearch) {
  for (const type of options.types.split(',')) {
    await start(`usearch_${type}`, process.execPath,
      ['--expose-gc', `${here}/peers/usearch_peer.mjs`, scratch, `${scratch}/usearch_${type}.idx`, type], options.usearch);
  }
}

// The narrowest beam of each that reaches the recall.
const recalls = {};
for (const engine of engines) {
  recalls[engine.name] = [];
  for (const beam of beams) recalls[engine.name].push((await engine.ask(`search ${beam} 1`)).recall);
}
for (const target of targets) {
  for (const threads of [1, 2]) {
    const runs = engines.map((engine) => {
      const at = recalls[engine.name].findIndex((recall) => recall >= target);
      return { engine, beam: beams[at], recall: recalls[engine.name][at], qps: [], cpu: [] };
    }).filter((run) => run.beam !== undefined);
    for (let round = 0; round < rounds; ++round) {
      for (const run of runs) {
        const answer = await run.engine.ask(`search ${run.beam} ${threads}`);
        run.qps.push(answer.qps);
        run.cpu.push(answer.queries_per_cpu_second);
      }
    }
    const ratios = {};
    for (const run of runs.slice(1)) {
      ratios[run.engine.name] = {
        // Of the same round, so that what else the machine does weighs on both.
        wall: median(run.qps.map((qps, i) => runs[0].qps[i] / qps)),
        cpu: median(run.cpu.map((rate, i) => runs[0].cpu[i] / rate)),
      };
    }
    result.search.push({
      recall_at_10: target,
      threads,
      ours_over: ratios,
      engines: Object.fromEntries(runs.map((run) => [run.engine.name, {
        beam: run.beam, recall: run.recall, qps: spread(run.qps), queries_per_cpu_second: spread(run.cpu),
      }])),
    });
  }
}
for (const threads of [1, 2]) {
  const shares = { wall: [], cpu: [] };
  const reads = [];
  const scans = [];
  for (let round = 0; round < Math.max(rounds, 7); ++round) {
    const read = await ours.ask(`read ${threads}`);
    const scan = await ours.ask(`scan ${threads}`);
    shares.wall.push(scan.bytes_per_second / read.bytes_per_second);
    shares.cpu.push(scan.bytes_per_cpu_second / read.bytes_per_cpu_second);
    reads.push(read.bytes_per_second);
    scans.push(scan.bytes_per_second);
  }
  result.scan[`threads_${threads}`] = {
    share_of_read_bandwidth: { wall: spread(shares.wall), cpu: spread(shares.cpu) },
    read_bytes_per_second: spread(reads),
    scan_bytes_per_second: spread(scans),
  };
}
for (const percent of [100, 50, 10, 1, 0.1, 0.01]) {
  for (const kind of percent === 100 ? ['random'] : ['random', 'near', 'far']) {
    result.filters.push({ percent, kind, ...(await ours.ask(`filter ${percent} ${kind}`)) });
  }
}
const mine = result.build.ours.build_cpu_seconds;
for (const [name, build] of Object.entries(result.build)) {
  if (mine && build.build_cpu_seconds) build.ours_over_this_cpu = mine / build.build_cpu_seconds;
}
for (const engine of engines) engine.end();
const text = JSON.stringify(result, null, 2);
if (options.out) fs.writeFileSync(options.out, `${text}\n`);
console.log(text);
