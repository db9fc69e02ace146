// SPDX-License-Identifier: Apache-2.0
// Accessibility rules over a page: throws with what is wrong and where.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export async function accessible(page) {
    await page.evaluate(() =>
        Promise.all(
            document
                .getAnimations()
                .map((one) => (one.effect.getTiming().iterations === Infinity ? one.cancel() : one.finish())),
        ),
    );
    await page.evaluate(source); // through the debugger: no content security policy is loosened for it
    const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), TAGS);
    if (violations.length) {
        const lines = violations.flatMap((one) =>
            one.nodes.map((node) => `${one.id}: ${node.html}\n  ${node.failureSummary}`),
        );
        throw new Error(`accessibility:\n${lines.join('\n')}`);
    }
}

export async function fits(page) {
    const { width, inside } = await page.evaluate(() => ({
        width: innerWidth,
        inside: document.scrollingElement.scrollWidth,
    }));
    if (inside > width) throw new Error(`the page is ${inside} wide in a window of ${width}`);
}
