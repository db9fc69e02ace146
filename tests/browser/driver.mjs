// SPDX-License-Identifier: Apache-2.0
// Keeps one browser open and runs scenarios that come as JSON lines on standard input:
//   {"scenario": "asks", "url": "…", "options": {…}}  →  {"ok": true, "value": …} or {"ok": false, "error": "…"}
// Each scenario gets a fresh context. A page error, a console error or a request to another origin fails it.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import * as demo from './demo_scenarios.mjs';
import * as docs from './docs_scenarios.mjs';

const scenarios = { ...demo, ...docs };
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
});

async function run({ scenario, url, options = {} }) {
    const { viewport = { width: 1024, height: 760 }, colorScheme = 'light', expected = [] } = options;
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: options.reducedMotion });
    context.setDefaultTimeout(20000);
    const page = await context.newPage();
    const faults = [];
    page.on('pageerror', (error) => faults.push(`page error: ${error}`));
    page.on('console', (message) => {
        if (message.type() === 'error') faults.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
        const asked = new URL(request.url());
        if (/^(http|ws)s?:$/.test(asked.protocol) && asked.host !== new URL(url).host)
            faults.push(`another host: ${asked}`);
    });
    try {
        const value = await scenarios[scenario](page, url, options);
        const left = faults.filter((fault) => !expected.some((text) => fault.includes(text)));
        if (left.length) throw new Error(left.join('\n'));
        return { ok: true, value: value ?? null };
    } catch (error) {
        if (options.picture) await page.screenshot({ path: options.picture }).catch(() => {});
        return { ok: false, error: [error.stack, ...faults].join('\n') };
    } finally {
        await context.close();
    }
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await run(JSON.parse(line))));
}
await browser.close();
