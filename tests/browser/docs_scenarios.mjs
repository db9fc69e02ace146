// SPDX-License-Identifier: Apache-2.0
// What a developer does on the page at /docs.
import assert from 'node:assert/strict';
import { accessible, fits } from './axe.mjs';

async function open(page, url, hash = '') {
    await page.goto(`${url}${hash}`);
    await page.locator('.op').first().waitFor();
}

const operation = (page, method, path) => page.locator(`[id="${method}-${path}"]`);

export async function docsLists(page, url) {
    await open(page, url);
    const groups = await page.locator('main h2').allTextContents();
    const operations = await page.locator('.op > summary').allTextContents();
    await page.locator('#filter').fill('zzqx');
    assert.equal(await page.locator('#count').textContent(), '0 endpoints');
    await page.locator('#filter').fill('history');
    const found = await page.locator('.op:visible > summary').allTextContents();
    assert.ok(found.length > 0 && found.every((line) => /history/i.test(line)), found.join(' | '));
    return { groups, operations };
}

export async function docsReads(page, url) {
    await open(page, url, '#put-%2Fbrands%2F%7Bbrand_id%7D');
    const box = operation(page, 'put', '/brands/{brand_id}');
    await box.locator('.inside').waitFor();
    const shown = await box.textContent();
    for (const words of [
        '1..255 characters',
        'required',
        'default true',
        'note',
        '<b>changed</b>',
        'Credentials: bearer.',
    ]) {
        assert.ok(shown.includes(words), `${words} in ${shown}`);
    }
    const example = JSON.parse(await box.locator('textarea').inputValue());
    assert.equal(example.is_active, true);
    assert.equal(await page.locator('main b').count(), 0);
}

export async function docsTries(page, url) {
    await open(page, url);
    const box = operation(page, 'get', '/chat/{brand_id}/history/{conversation_id}');
    await box.locator('summary').first().click();
    await box.locator('.try input').nth(0).fill('techpro');
    await box.locator('.try input').nth(1).fill('a b');
    await box.getByRole('button', { name: 'Send' }).click();
    await box.locator('.result .status', { hasText: '200' }).waitFor();
    await box.locator('.result pre', { hasText: '"messages": []' }).waitFor();
    assert.match(await box.locator('.result h4').textContent(), /history\/a b/);
}

// A body, a credential and the curl line; the reply is made here.
export async function docsSends(page, url) {
    let sent = null;
    await page.route('**/chat/techpro', (route) => {
        sent = { headers: route.request().headers(), body: route.request().postData() };
        return route.fulfill({ status: 422, contentType: 'application/json', body: '{"detail":"<b>no</b>"}' });
    });
    await open(page, url);
    await page.locator('#auth summary').click();
    await page.locator('#token').fill('sk_live_fern');
    await page.keyboard.press('Escape');
    const box = operation(page, 'post', '/chat/{brand_id}');
    await box.locator('summary').first().click();
    assert.deepEqual(JSON.parse(await box.locator('textarea').inputValue()), { message: 'Which tent for two?' });
    assert.equal(await box.locator('.try input').first().inputValue(), 'techpro');
    await box.getByRole('button', { name: 'Send' }).click();
    await box.locator('.result pre', { hasText: '<b>no</b>' }).waitFor();
    assert.equal(sent.headers.authorization, 'Bearer sk_live_fern');
    assert.equal(sent.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(sent.body), { message: 'Which tent for two?' });
    await box.getByRole('button', { name: 'As a curl line' }).click();
    const line = await box.locator('.result pre').textContent();
    assert.match(line, /^curl -X POST 'http:\/\/127\.0\.0\.1:\d+\/chat\/techpro'/);
    assert.ok(!line.includes('sk_live_fern'), 'a secret is not written out');
}

export async function docsUploads(page, url) {
    let type = '';
    await page.route('**/upload/products*', (route) => {
        type = route.request().headers()['content-type'];
        return route.fulfill({ contentType: 'application/json', body: '{"products_added":1}' });
    });
    await open(page, url);
    const box = operation(page, 'post', '/brands/{brand_id}/upload/products');
    await box.locator('summary').first().click();
    await box
        .locator('input[type=file]')
        .setInputFiles({ name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from('id,name\n') });
    await box.getByRole('button', { name: 'Send' }).click();
    await box.locator('.result pre', { hasText: 'products_added' }).waitFor();
    assert.match(type, /^multipart\/form-data; boundary=/);
}

export async function docsKeyboard(page, url) {
    await open(page, url);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'filter');
    await page.locator('.op > summary').first().focus();
    await page.keyboard.press('Enter');
    await page.locator('.op[open] .inside').waitFor();
}

export async function docsLooks(page, url, { all = false } = {}) {
    await open(page, url);
    await accessible(page);
    await fits(page);
    const summaries = page.locator('.op > summary');
    const count = Math.min(await summaries.count(), all ? 12 : 100);
    for (let i = 0; i < count; i += 1) await summaries.nth(i).click();
    await page.locator('.inside').nth(count - 1).waitFor(); // built after each one's toggle event
    await accessible(page);
    await fits(page);
}

// With a real server: the categories of the sample brand.
export async function docsReal(page, url) {
    await open(page, url);
    const found = page.locator('.op[id^="get-/brands/{"][id$="/categories"]');
    await found.locator('summary').first().click();
    await found.locator('.try input').first().fill('techpro');
    await found.getByRole('button', { name: 'Send' }).click();
    await found.locator('.result pre', { hasText: 'Laptops' }).waitFor();
}
