// SPDX-License-Identifier: Apache-2.0
// What a visitor does on examples/browser.html.
import assert from 'node:assert/strict';
import { accessible, fits } from './axe.mjs';

const QUESTION = 'Which laptop is good for video editing?';
const text = (page) => page.locator('#text');
const answers = (page) => page.locator('.bubble.answer:not(.dots)');
const said = async (page, nth = -1) => (await answers(page).nth(nth).textContent()).replace(/^Answer: /, '');

export async function open(page, url) {
    await page.goto(url);
    await page.locator('#state[data-state="open"]').waitFor();
}

async function ask(page, question) {
    await text(page).fill(question);
    await text(page).press('Enter');
}

// The turn is at its end when the button to send is back.
const ended = (page) => page.locator('#send:visible').waitFor();

export async function asks(page, url, { currency = 'USD', pieces = 1 } = {}) {
    await open(page, url);
    await page.evaluate(() => {
        globalThis.lengths = new Set();
        new MutationObserver(() => {
            const answer = document.querySelector('.bubble.answer:not(.dots):not([hidden])');
            if (answer) globalThis.lengths.add(answer.textContent.length);
        }).observe(document.getElementById('turns'), { subtree: true, childList: true, characterData: true });
    });
    await ask(page, QUESTION);
    await page.locator('.card').first().waitFor();
    await ended(page);
    const card = page.locator('.card').first();
    assert.equal(await card.locator('h2').textContent(), 'Halden Forge 16');
    assert.equal(await card.locator('.price').textContent(), `2,899.00 ${currency}`);
    assert.equal(await card.locator('.stock').textContent(), 'In stock');
    assert.match(await said(page), /Halden Forge 16/);
    assert.ok((await page.evaluate(() => globalThis.lengths.size)) >= pieces, 'the answer came in pieces');
    assert.match(await page.locator('.from summary').textContent(), /^Quoted from documents/);
    await page.waitForFunction(() => document.getElementById('spoken').textContent.includes('Halden Forge 16'));
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
    await page.locator('.from summary').click();
    assert.ok((await page.locator('.from li').count()) > 0, 'sources are listed');
    return said(page);
}

// Markup in everything that is received: shown as it stands, never as HTML.
export async function markup(page, url, { brand = '', question = 'markup please' } = {}) {
    await open(page, `${url}?brand=${brand}`);
    await ask(page, `${question} <i id="typed">x</i>`);
    await page.locator('.card').first().waitFor();
    await ended(page);
    assert.match(await page.locator('.visitor').textContent(), /<i id="typed">x<\/i>/);
    assert.match(await page.locator('.card h2').first().textContent(), /<img src=x onerror=/);
    const found = await page.evaluate(() => ({
        broken: globalThis.broken,
        nodes: document.querySelectorAll('main img, main script, main b, main a, #typed, h1 *').length,
        name: document.querySelector('h1').textContent,
    }));
    assert.equal(found.broken, undefined);
    assert.equal(found.nodes, 0);
    return { name: found.name, answer: await said(page), features: await page.locator('.card li').allTextContents() };
}

export async function loses(page, url, { question = 'please lose this one' } = {}) {
    await open(page, url);
    await ask(page, question);
    await page.locator('#state[data-state="lost"]').waitFor();
    await page.locator('.card').first().waitFor();
    await ended(page);
    assert.equal(await answers(page).count(), 1);
    assert.equal(await page.locator('.fault').count(), 0);
    return said(page);
}

// The same with any server: the connection is cut between the two, after the first piece of the answer.
export async function cut(page, url) {
    let connections = 0;
    const resumed = [];
    await page.routeWebSocket(/\/ws\/chat\//, (socket) => {
        const server = socket.connectToServer();
        const first = (connections += 1) === 1;
        let dead = false;
        socket.onMessage((message) => {
            if (JSON.parse(message).type === 'resume') resumed.push(JSON.parse(message).data);
            if (!dead) server.send(message);
        });
        server.onMessage((message) => {
            if (!dead) socket.send(message);
            if (first && JSON.parse(message).type === 'chunk' && !dead) {
                dead = true;
                socket.close({ code: 1011, reason: 'test' });
            }
        });
    });
    await open(page, url);
    await ask(page, QUESTION);
    await page.locator('.card').first().waitFor();
    await ended(page);
    assert.equal(connections, 2);
    assert.equal(resumed.length, 1);
    assert.equal(await page.locator('.card h2').first().textContent(), 'Halden Forge 16');
    const whole = await said(page);
    const history = await page.evaluate(async (id) => {
        const reply = await fetch(`/chat/techpro/history/${id}`);
        return (await reply.json()).messages;
    }, resumed[0].conversation_id);
    assert.equal(history.length, 2);
    assert.equal(whole, history[1].content);
    return whole;
}

export async function swallowed(page, url) {
    await open(page, url);
    await ask(page, QUESTION);
    await ended(page);
    await ask(page, 'swallow this and answer');
    await page.locator('.turn .cards').nth(1).waitFor();
    await ended(page);
    assert.equal(await answers(page).count(), 2);
    return said(page);
}

export async function stops(page, url) {
    await open(page, url);
    await ask(page, 'a slow one');
    await answers(page).first().waitFor();
    await page.keyboard.press('Escape');
    await ended(page);
    assert.match(await page.locator('.note').first().textContent(), /Stopped/);
    await ask(page, 'another slow one');
    await answers(page).nth(1).waitFor();
    await page.getByRole('button', { name: 'Stop the answer' }).click();
    await ended(page);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
    await ask(page, QUESTION);
    await page.locator('.card').first().waitFor();
}

export async function anew(page, url) {
    await open(page, url);
    await ask(page, QUESTION);
    await page.locator('.card').first().waitFor();
    await ended(page);
    await ask(page, 'a slow one');
    await answers(page).nth(1).waitFor();
    await page.getByRole('button', { name: 'New conversation' }).click();
    assert.equal(await page.locator('#turns > .turn').count(), 0);
    await ask(page, QUESTION);
    await page.locator('.card').first().waitFor();
    await ended(page);
    assert.equal(await answers(page).count(), 1);
    assert.doesNotMatch(await said(page), /Word after word/);
}

export async function reloads(page, url) {
    await open(page, url);
    await ask(page, QUESTION);
    await page.locator('.card').first().waitFor();
    await ended(page);
    const before = await said(page);
    const cards = await page.locator('.card').count();
    await page.reload();
    await page.locator('.card').first().waitFor();
    await ended(page);
    assert.equal(await page.locator('.visitor').count(), 1);
    assert.equal(await said(page), before);
    assert.equal(await page.locator('.card').count(), cards);
}

export async function refused(page, url) {
    await open(page, url);
    await ask(page, 'refuse this');
    await ended(page);
    return page.locator('.fault').first().textContent();
}

export async function unknownBrand(page, url) {
    await page.goto(`${url}?brand=nope`);
    await page.locator('#state', { hasText: 'Not connected' }).waitFor();
    assert.equal(await page.locator('#retry').isVisible(), false);
    return page.locator('#banner-text').textContent();
}

// What the page shows after a close code: all that stood in the state and in the banner, in order.
export async function closes(page, url, { code, state }) {
    await open(page, url);
    await page.evaluate(() => {
        globalThis.shown = { state: [], banner: [] };
        for (const [name, id] of [['state', 'state'], ['banner', 'banner-text']]) {
            const node = document.getElementById(id);
            const note = () => globalThis.shown[name].push(node.textContent);
            new MutationObserver(note).observe(node, { childList: true, characterData: true, subtree: true });
        }
    });
    await ask(page, `close ${code}`);
    await page.waitForFunction((wanted) => globalThis.shown.state.includes(wanted), state);
    if (code !== 1011) await page.waitForFunction(() => globalThis.shown.banner.some((text) => text !== ''));
    return page.evaluate(() => globalThis.shown);
}

// Everything by keyboard: from the first Tab to the sources, and a suggestion chosen with Enter.
export async function keyboard(page, url) {
    await open(page, url);
    const focused = () =>
        page.evaluate(
            () =>
                document.activeElement.getAttribute('aria-label') ||
                document.activeElement.textContent.trim() ||
                document.activeElement.id,
        );
    await page.locator('h1').click(); // Tab begins at the top of the page
    const order = [];
    for (let i = 0; i < 9; i += 1) {
        await page.keyboard.press('Tab');
        order.push(await focused());
    }
    assert.equal(order[0], 'New conversation');
    assert.equal(order[1], 'Conversation');
    assert.equal(order[2], QUESTION);
    assert.ok(order.includes('text') && order.includes('Send'), order.join(' | '));
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.ok(ring, 'something shows where the focus is');
    await page.evaluate(() => document.getElementById('text').focus());
    await page.keyboard.type('Which laptop');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('is good for video editing?');
    await page.keyboard.press('Enter');
    await page.locator('.card').first().waitFor();
    await ended(page);
    assert.match(await page.locator('.visitor').textContent(), /Which laptop\nis good/);
    await page.keyboard.press('Shift+Tab');
    assert.match(await focused(), /Quoted from documents/);
    await page.keyboard.press('Enter');
    assert.equal(
        await page
            .locator('.from')
            .first()
            .evaluate((node) => node.open),
        true,
    );
}

export async function looks(page, url) {
    await open(page, url);
    await accessible(page);
    await fits(page);
    await ask(page, QUESTION);
    await page.locator('.card').first().waitFor();
    await ended(page);
    await page.locator('.from summary').first().click();
    await accessible(page);
    await fits(page);
    await ask(page, `${'unbroken'.repeat(60)} ${'line\n'.repeat(12)}`);
    await ended(page);
    await fits(page);
}

export async function still(page, url) {
    await open(page, url);
    await ask(page, 'a slow one');
    await answers(page).first().waitFor();
    const moving = await page.evaluate(() => document.getAnimations().length);
    assert.equal(moving, 0);
    await page.keyboard.press('Escape');
    await ended(page);
}

// For the README: node driver.mjs, then {"scenario":"picture","url":"…/demo","options":{"path":"docs/demo.png",…}}
export async function picture(page, url, { path, question = QUESTION }) {
    await open(page, url);
    await ask(page, question);
    await page.locator('.card').first().waitFor();
    await ended(page);
    await page.evaluate(() => document.activeElement.blur());
    await page.screenshot({ path, animations: 'disabled' });
}
