// A test program in JavaScript: cases one after the other, TAP on standard output, which meson counts case by
// case. (node:test prints nested TAP with timings, which meson 1.0 doesn't take.)
const cases = [];

const CASE_LIMIT_MS = 60_000;

/** Registers a case; `run` may be async and fails by throwing. */
export function test(name, run, limitMs = CASE_LIMIT_MS) {
    cases.push({name, run, limitMs});
}

function withLimit(promise, limitMs) {
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no end after ${limitMs} ms`)), limitMs);
    });
    return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Runs all cases between `before` and `after`, and ends the process. */
export async function runAll(before = async () => {}, after = async () => {}) {
    let failed = 0;
    console.log(`1..${cases.length}`);
    try {
        await before();
        for (const [index, {name, run, limitMs}] of cases.entries()) {
            try {
                await withLimit(run(), limitMs);
                console.log(`ok ${index + 1} - ${name}`);
            } catch (error) {
                failed += 1;
                console.log(`not ok ${index + 1} - ${name}`);
                console.log(String(error.stack ?? error).replace(/^/gm, '# '));
            }
        }
    } catch (error) {
        failed += 1;
        console.log(`Bail out! ${String(error).split('\n')[0]}`);
        console.error(error);
    }
    await after(failed);
    process.exit(failed ? 1 : 0);
}

/**
 * Waits until `condition` gives something true, and returns that. A crowd that comes again should leave time to others of this
 * process, as the provider: everyMs.
 */
export async function eventually(condition, what, limitMs = 15_000, everyMs = 25) {
    const end = Date.now() + limitMs;
    for (;;) {
        const result = await condition();
        if (result) return result;
        if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
}
