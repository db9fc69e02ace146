// SPDX-License-Identifier: Apache-2.0
// Pictures of a page for a person to look at: node shots.mjs URL FOLDER [QUESTION]
// light and dark, at 320, 768 and 1280 pixels; with a question also the answer.
import { chromium } from 'playwright-core';

const [url, folder, question] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const colorScheme of ['light', 'dark']) {
    for (const width of [320, 768, 1280]) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: width === 320 ? 640 : 820 } });
        page.on('console', (message) => console.log(width, colorScheme, message.type(), message.text()));
        page.on('pageerror', (error) => console.log(width, colorScheme, error));
        await page.goto(url, { waitUntil: 'networkidle' });
        await page.screenshot({ path: `${folder}/${colorScheme}-${width}-start.png` });
        if (question) {
            await page.getByLabel('Your message', { exact: true }).last().fill(question);
            await page.keyboard.press('Enter');
            await page.waitForTimeout(300);
            await page.screenshot({ path: `${folder}/${colorScheme}-${width}-wait.png` });
            await page.locator('.cards, .note').first().waitFor();
            await page.waitForTimeout(300);
            await page.screenshot({ path: `${folder}/${colorScheme}-${width}-answer.png` });
        }
        await page.close();
    }
}
await browser.close();
