// The page in a real browser. BASE_URL names a running server; without it GATEWAY_FAKE_SERVER is a
// program that serves the page over an in-memory backend. Screenshots go to OUT.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { drawPictures } from "./pictures.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.env.OUT ?? join(here, "../../../build/web-test");
const collection = `page-test-${Date.now()}`;
const guide =
  "The last ferry to the island leaves the harbour at 21:40 in summer.\n\n" +
  "Tickets are sold at the white kiosk beside the lighthouse.\n\n" +
  "Dogs travel free of charge on every boat.";
const hostile = '<img src="https://elsewhere.invalid/x.png" onerror="document.title=1"> zebra crossing [7](javascript:alert(1))';

async function startFake() {
  const program = process.env.GATEWAY_FAKE_SERVER;
  assert(program, "set BASE_URL or GATEWAY_FAKE_SERVER");
  const child = spawn(program, [join(here, "../../../web/dist")], { stdio: ["pipe", "pipe", "ignore"] });
  const [line] = await once(child.stdout, "data");
  const found = /ready (http:\S+)/.exec(String(line));
  assert(found, `no ready line: ${line}`);
  return { url: found[1], stop: () => child.stdin.end() };
}

const steps = [];
function step(name, run) {
  steps.push({ name, run });
}

step("an unknown collection is created from the page", async ({ page }) => {
  await page.getByRole("button", { name: "New collection" }).click();
  await page.getByLabel("Name").fill(collection);
  await page.getByRole("button", { name: "Create" }).click();
  await page.locator(".top select").waitFor();
  assert.equal(await page.locator(".top select").inputValue(), collection);
});

step("files are uploaded with their progress and state", async ({ page, pictures, shot }) => {
  await page.getByRole("button", { name: "Add files" }).first().click();
  await page.locator("#file-picker").setInputFiles([
    { name: "ferry guide.txt", mimeType: "text/plain", buffer: Buffer.from(guide) },
    { name: "<b>hostile<i>.txt", mimeType: "text/plain", buffer: Buffer.from(hostile) },
    ...["lighthouse.png", "mountains.png", "city.png"].map((name) => ({
      name,
      mimeType: "image/png",
      buffer: pictures[name],
    })),
  ]);
  await page.getByText("5 of 5 files added").waitFor();
  await shot("upload");
  await page.getByRole("button", { name: "Close" }).click();
});

step("a photo dropped on the page finds its document", async ({ page, pictures, shot }) => {
  await drop(page, "from-my-phone.png", pictures["lighthouse.png"]);
  await page.getByAltText("from-my-phone.png").waitFor();
  await page.getByRole("button", { name: "Search", exact: true }).click();
  const first = page.locator(".card").first();
  await first.waitFor();
  assert.match(await first.innerText(), /lighthouse\.png/);
  const picture = first.locator("img");
  await page.waitForFunction((img) => img.complete && img.naturalWidth > 0, await picture.elementHandle());
  await shot("search-by-photo");
});

step("a hit opens beside the results, by keyboard too", async ({ page, shot }) => {
  await page.locator(".card").first().press("Enter");
  const panel = page.getByRole("dialog", { name: /lighthouse\.png/ });
  await panel.waitFor();
  await page.waitForFunction(() => {
    const img = document.querySelector(".panel img");
    return img && img.complete && img.naturalWidth > 0;
  });
  await shot("passage");
  await page.keyboard.press("ArrowRight");
  assert.equal(await panel.count(), 0, "the arrow goes to the next passage");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".panel").count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.className), "card", "focus returns");
});

step("a picture shows where it matches the query and each of its words", async ({ page, shot, isFake }) => {
  await page.locator("#query").fill("harbour lighthouse");
  await page.locator("#query").press("Enter");
  await page.locator(".card", { hasText: "lighthouse.png" }).first().click();
  const panel = page.getByRole("dialog", { name: /lighthouse\.png/ });
  const toggle = panel.getByRole("button", { name: "Where it matches" });
  await toggle.click();
  const heat = panel.getByTestId("heat");
  await heat.waitFor({ timeout: 60_000 });
  const pixels = () =>
    heat.evaluate((canvas) => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]);
  const whole = await pixels();
  assert(whole.length >= 8 && new Set(whole).size > 4, "cells differ");
  const [layer, picture] = await Promise.all([heat.boundingBox(), panel.locator(".picture img").boundingBox()]);
  assert(Math.abs(layer.width - picture.width) < 2 && Math.abs(layer.height - picture.height) < 2, "it lies over the picture");
  await shot("heatmap");
  if (!isFake) {
    await panel.getByRole("button", { name: "lighthouse", exact: true }).click();
    assert.notDeepEqual(await pixels(), whole, "a word has a heat of its own");
  }
  await toggle.click();
  assert.equal(await heat.count(), 0);
  await page.keyboard.press("Escape");
});

step("words and markup in documents stay text", async ({ page }) => {
  await page.getByRole("button", { name: /Remove/ }).click();
  await page.locator("#query").fill("zebra crossing");
  await page.keyboard.press("Enter");
  const card = page.locator(".card", { hasText: "zebra" });
  await card.waitFor();
  assert.match(await card.innerText(), /<b>hostile<i>\.txt/);
  assert.match(await card.innerText(), /<img src=/);
  assert.equal(await page.locator('img[src*="elsewhere"], a[href^="javascript"]').count(), 0);
});

step("a question is answered with chips that open their source", async ({ page, shot }) => {
  await page.getByText("Ask", { exact: true }).first().click();
  await page.locator("#query").fill("When does the last ferry to the island leave?");
  await page.locator("#query").press("Enter");
  // Not for the busy state first: a quoted answer is there before it can be seen.
  await page.locator(".answer[aria-busy=false] .prose", { hasText: "21:40" }).waitFor({ timeout: 120_000 });
  const chip = page.locator("button.chip").first();
  assert.match(await chip.getAttribute("aria-label"), /ferry guide\.txt/);
  await shot("answer");
  await chip.click();
  const panel = page.locator(".panel");
  await panel.waitFor();
  assert.match(await panel.innerText(), /ferry guide\.txt/);
  assert.match(await panel.innerText(), /leaves the harbour at 21:40/);
  await shot("answer-source");
  await panel.getByRole("button", { name: "Close" }).click();
});

step("a question goes on from the one before, until a new topic", async ({ page, shot }) => {
  const sent = page.waitForRequest("**/v1/answer");
  await page.locator("#query").fill("And where are its tickets sold?");
  await page.locator("#query").press("Enter");
  assert.match((await sent).postData(), /name="history"[^]*When does the last ferry to the island leave\?[^]*21:40/);
  const earlier = page.getByRole("region", { name: "Earlier in this conversation" });
  await earlier.getByText("When does the last ferry to the island leave?").waitFor();
  await page.locator("main > .answer[aria-busy=false]").waitFor({ timeout: 120_000 });
  assert.equal(await page.locator("#query").inputValue(), "", "there is room for the next question");
  assert.equal(await earlier.locator(".answer").count(), 1, "the new answer is not an earlier one");
  await shot("conversation");
  await page.getByRole("button", { name: "New topic" }).click();
  assert.equal(await page.locator(".answer").count(), 0);
  const afresh = page.waitForRequest("**/v1/answer");
  await page.locator("#query").fill("When does the last ferry to the island leave?");
  await page.locator("#query").press("Enter");
  assert.doesNotMatch((await afresh).postData(), /name="history"/);
  await page.locator("main > .answer[aria-busy=false] .prose", { hasText: "21:40" }).waitFor({ timeout: 120_000 });
});

step("reasoning stands apart, and a cited picture shows where", async ({ page, url, shot }) => {
  const found = await (await fetch(`${url}/v1/search`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ collection, text: "lighthouse", mode: "dense", k: 5 }),
  })).json();
  const hit = found.hits.find((one) => one.kind === "image");
  // What a generator would send; the region is shown, not the box of the whole passage.
  const citation = { ...hit, box: [0, 0, 1, 1], marker: 1, start: 0, end: 24, start_seconds: null, end_seconds: null, snippet: "",
    verdict: null, support: null, region: [0.25, 0.5, 0.75, 0.9] };
  const done = { answer: "The lighthouse is white. [1]", abstained: false, citations: [citation], hits: [hit], warnings: ["a warning"],
    timings_ms: {}, mode: "generative", finish_reason: "stop", reasoning: "Observe: it is white.", follow_up: null };
  const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  let form = "";
  await page.route("**/v1/answer", (route) => {
    form = route.request().postData();
    return route.fulfill({
      contentType: "text/event-stream",
      body: event("retrieved", { ...found, hits: [hit] }) + event("reasoning", { text: "Observe: it is white." }) +
        event("delta", { text: done.answer }) + event("citation", citation) + event("done", done),
    });
  });
  await page.getByLabel("Reasoning first").check();
  await page.locator(".options select").selectOption("generative");
  await page.locator("#query").fill("What colour is the lighthouse?");
  await page.locator("#query").press("Enter");
  const answer = page.locator("main > .answer", { hasText: "What colour is the lighthouse?" });
  await answer.locator(".prose", { hasText: "The lighthouse is white." }).waitFor();
  for (const field of ["reasoning", "answer_mode", "regions"]) assert.match(form, new RegExp(`name="${field}"`));
  await answer.getByText("a warning").waitFor();
  assert.doesNotMatch(await answer.locator(".prose").innerText(), /Observe/);
  await answer.getByText("Reasoning", { exact: true }).click();
  await answer.getByText("Observe: it is white.").waitFor();
  await answer.locator("button.chip").click();
  const panel = page.locator(".panel");
  await panel.getByTestId("region").waitFor();
  // At one moment: the panel is still moving.
  const [region, picture] = await panel.evaluate(async (node) => {
    const img = node.querySelector(".picture img");
    await img.decode();
    return [node.querySelector('[data-testid="region"]'), img].map((part) => part.getBoundingClientRect().toJSON());
  });
  assert(Math.abs((region.x - picture.x) / picture.width - 0.25) < 0.02, "left edge");
  assert(Math.abs(region.width / picture.width - 0.5) < 0.03, "width");
  await shot("reasoning-and-region");
  await page.keyboard.press("Escape");
  await page.unroute("**/v1/answer");
  await page.getByRole("button", { name: "New topic" }).click();
  await page.getByLabel("Reasoning first").uncheck();
  await page.locator(".options select").selectOption("auto");
});

step("a page is shown with the place of the passage on it", async ({ page, url, pictures, shot, isFake }) => {
  if (!isFake) return; // which region a model or OCR finds is not the page's matter
  const form = new FormData();
  form.append("metadata", JSON.stringify({ page_of: "harbour-guide.pdf", caption: "Sunday boats: the harbour guide with its timetable" }));
  form.append("file", new Blob([pictures["timetable.png"]]), "harbour-guide.pdf");
  const reply = await fetch(`${url}/v1/collections/${collection}/documents`, { method: "POST", body: form });
  assert.equal(reply.status, 200);
  await page.locator("#query").fill("Which Sunday boats are in the harbour guide timetable?");
  await page.locator("#query").press("Enter");
  await page.locator(".answer[aria-busy=true]").waitFor();
  await page.locator(".answer[aria-busy=false]").waitFor();
  await page.locator("button.chip").first().click();
  const panel = page.locator(".panel");
  assert.match(await panel.innerText(), /page 2/);
  await panel.locator(".region").waitFor();
  const [region, picture] = await Promise.all([
    panel.locator(".region").boundingBox(),
    panel.locator(".picture img").boundingBox(),
  ]);
  assert(Math.abs((region.x - picture.x) / picture.width - 0.08) < 0.02, "left edge");
  assert(Math.abs((region.y - picture.y) / picture.height - 0.16) < 0.02, "top edge");
  await shot("page-region");
  await page.keyboard.press("Escape");
});

step("a failed request is told in words", async ({ page }) => {
  await page.route("**/v1/search", (route) =>
    route.fulfill({
      status: 429,
      contentType: "application/json",
      body: JSON.stringify({ error: { message: "too many requests are at work", type: "rate_limit_error", param: null, code: "overloaded" } }),
    }),
  );
  await page.getByText("Search", { exact: true }).first().click();
  await page.locator("#query").fill("boats");
  await page.locator("#query").press("Enter");
  await page.getByRole("alert").getByText("too many requests are at work").waitFor();
  await page.unroute("**/v1/search");
  await page.locator("#query").press("Enter");
  await page.getByRole("alert").waitFor({ state: "detached" });
});

step("a small and dark screen works too", async ({ page, shot }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator(".card").first().waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert(wide <= 0, `the page is ${wide} px wider than the screen`);
  await shot("small-dark");
  await page.setViewportSize({ width: 1280, height: 860 });
  await shot("dark");
});

async function drop(page, name, bytes) {
  const data = await page.evaluateHandle(
    ([fileName, base64]) => {
      const transfer = new DataTransfer();
      const array = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      transfer.items.add(new File([array], fileName, { type: "image/png" }));
      return transfer;
    },
    [name, bytes.toString("base64")],
  );
  await page.dispatchEvent(".page", "dragover", { dataTransfer: data });
  await page.dispatchEvent(".page", "drop", { dataTransfer: data });
}

const fake = process.env.BASE_URL ? null : await startFake();
const url = (process.env.BASE_URL ?? fake.url).replace(/\/$/, "");
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let failed = false;
try {
  const pictures = await drawPictures(browser);
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const faults = [];
  page.on("pageerror", (error) => faults.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    // The browser itself reports the reply of 429 that one step makes.
    if (message.type() === "error" && !message.text().includes("429")) faults.push(message.text());
  });
  page.on("request", (request) => {
    const target = request.url();
    if (!target.startsWith(`${url}/`) && !/^(blob|data):/.test(target)) faults.push(`foreign request: ${target}`);
  });
  const shot = async (name) => {
    await page.waitForTimeout(300); // let a transition end
    await page.screenshot({ path: join(out, `${name}.png`) });
  };
  await page.goto(url);
  await page.getByRole("heading", { name: "Sightline" }).waitFor();
  await shot("start");
  for (const { name, run } of steps) {
    await run({ page, url, pictures, shot, isFake: fake !== null });
    assert.deepEqual(faults, [], name);
    console.log(`ok - ${name}`);
  }
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  await browser.close();
  fake?.stop();
}
process.exitCode = failed ? 1 : 0;
