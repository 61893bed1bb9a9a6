// Pictures for the test of the page, drawn by the browser itself: nothing is downloaded or stored.

function scene(sky, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600" viewBox="0 0 800 600">
    <defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="${sky[0]}"/><stop offset="1" stop-color="${sky[1]}"/></linearGradient></defs>
    <rect width="800" height="600" fill="url(#s)"/>${parts}</svg>`;
}

const lighthouse = scene(["#f5b971", "#f8e5c4"], `
  <circle cx="610" cy="170" r="60" fill="#fff3d6"/>
  <path d="M0 430 Q200 410 400 432 T800 425 V600 H0Z" fill="#2c6e8f"/>
  <path d="M0 480 Q220 460 420 484 T800 470 V600 H0Z" fill="#245a76"/>
  <path d="M90 470 L140 400 H330 L400 480 Z" fill="#5a4a3c"/>
  <path d="M205 400 L218 190 H262 L275 400Z" fill="#fbfaf5"/>
  <path d="M212 300 H268 L271 345 H209Z M216 220 H264 L266 258 H214Z" fill="#c8402f"/>
  <rect x="212" y="158" width="56" height="34" fill="#3b3f46"/><path d="M206 158 L240 128 L274 158Z" fill="#c8402f"/>`);

const mountains = scene(["#7fb3dd", "#dcecf5"], `
  <path d="M-20 470 L180 180 L330 400 L470 150 L700 460 L840 380 V600 H-20Z" fill="#6d7f8f"/>
  <path d="M180 180 L240 268 L196 252 L160 290 L138 242Z M470 150 L540 244 L488 226 L440 262 L418 232Z" fill="#fff"/>
  <path d="M0 480 Q200 420 420 470 T800 450 V600 H0Z" fill="#4c7a4f"/>
  <g fill="#2e5b3a"><path d="M100 540 l30 -90 30 90Z M180 560 l36 -110 36 110Z M590 545 l34 -100 34 100Z M680 560 l28 -86 28 86Z"/></g>`);

const city = scene(["#20274a", "#5d5a8c"], `
  <g fill="#161a30"><rect x="40" y="250" width="110" height="350"/><rect x="170" y="160" width="90" height="440"/>
  <rect x="290" y="300" width="140" height="300"/><rect x="455" y="120" width="100" height="480"/><rect x="590" y="230" width="160" height="370"/></g>
  <g fill="#ffd97a">${Array.from({ length: 60 }, (_, i) => `<rect x="${[54, 186, 304, 468, 606][i % 5] + (Math.floor(i / 5) % 3) * 28}" y="${320 + Math.floor(i / 15) * 62}" width="14" height="22"/>`).join("")}</g>
  <circle cx="690" cy="110" r="38" fill="#f4efd8"/>`);

const timetable = `<div style="width:640px;height:860px;padding:70px 64px;background:#fff;font:19px/1.6 serif;color:#222">
  <h1 style="font-size:34px;margin:0 0 24px">Harbour guide</h1>
  <p style="border-left:4px solid #2c6e8f;padding-left:14px">The last ferry to the island leaves the harbour at 21:40 in summer.</p>
  <h2 style="font-size:23px">Tickets</h2><p>Tickets are sold at the white kiosk beside the lighthouse from eight in the morning.</p>
  <table style="width:100%;border-collapse:collapse;margin-top:22px" border="1" cellpadding="8"><tr><th>Day</th><th>First</th><th>Last</th></tr>
  <tr><td>Weekdays</td><td>06:10</td><td>21:40</td></tr><tr><td>Sundays</td><td>07:30</td><td>20:15</td></tr></table></div>`;

// Name -> PNG bytes.
export async function drawPictures(browser) {
  const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
  const out = {};
  for (const [name, markup] of Object.entries({ lighthouse, mountains, city, timetable })) {
    await page.setContent(`<body style="margin:0;display:inline-block">${markup}</body>`);
    out[`${name}.png`] = await page.locator("body > *").first().screenshot();
  }
  await page.close();
  return out;
}
