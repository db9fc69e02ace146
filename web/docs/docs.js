// SPDX-License-Identifier: Apache-2.0
// Builds the page at /docs from /openapi.json (OpenAPI 3.1): every operation by tag, with its parameters, schemas and
// examples, and a form to try it on this server. An operation's inside is built when it is opened, so that hundreds of
// them cost nothing. Texts from the description and from replies become text nodes, never HTML. Nothing else is loaded.
'use strict';

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'];
const DEEPEST = 8;
const SHOWN_CHARACTERS = 400000;
let api = {};

const $ = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const { attributes = {}, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return node;
}

// ---- Reading the description ----

// Follows $ref inside the document; the keys beside a $ref win (3.1).
function resolve(value, depth = 0) {
  if (!value || typeof value !== 'object' || typeof value.$ref !== 'string' || depth > 20) return value ?? {};
  const { $ref, ...own } = value;
  if (!$ref.startsWith('#/')) return own;
  const found = $ref
    .slice(2)
    .split('/')
    .map((part) => decodeURIComponent(part).replace(/~1/g, '/').replace(/~0/g, '~'))
    .reduce((node, part) => node?.[part], api);
  return { ...resolve(found, depth + 1), ...own };
}

const refName = (schema) => (typeof schema?.$ref === 'string' ? schema.$ref.split('/').pop() : '');

// allOf joined into one object schema, which is what readers want to see.
function flat(schema) {
  const whole = resolve(schema);
  if (!Array.isArray(whole.allOf)) return whole;
  const { allOf, ...rest } = whole;
  return allOf
    .map(flat)
    .concat(rest)
    .reduce(
      (sum, part) => ({
        ...sum,
        ...part,
        properties: { ...sum.properties, ...part.properties },
        required: [...new Set([...(sum.required ?? []), ...(part.required ?? [])])],
      }),
      {},
    );
}

function types(schema) {
  const given = [].concat(schema.type ?? []);
  if (given.length) return given;
  if (schema.properties || schema.additionalProperties) return ['object'];
  if (schema.items) return ['array'];
  if (Array.isArray(schema.enum)) return [...new Set(schema.enum.map((one) => (one === null ? 'null' : typeof one)))];
  return [];
}

function typeText(raw) {
  const schema = flat(raw);
  const name = refName(raw);
  const choices = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choices)) return choices.map(typeText).join(' or ');
  if ('const' in schema) return JSON.stringify(schema.const);
  const words = types(schema).map((type) => {
    if (type === 'array') return `list of ${schema.items ? typeText(schema.items) : 'anything'}`;
    if (type === 'object' && name) return name;
    return type + (schema.format && type === 'string' ? ` (${schema.format})` : '');
  });
  return words.join(' or ') || name || 'anything';
}

function limits(schema) {
  const parts = [];
  const range = (low, high, what) => {
    if (low !== undefined && high !== undefined) parts.push(`${low}..${high}${what}`);
    else if (low !== undefined) parts.push(`at least ${low}${what}`);
    else if (high !== undefined) parts.push(`at most ${high}${what}`);
  };
  range(schema.minLength, schema.maxLength, ' characters');
  range(schema.minimum, schema.maximum, '');
  range(schema.minItems, schema.maxItems, ' items');
  range(schema.minProperties, schema.maxProperties, ' keys');
  if (schema.exclusiveMinimum !== undefined) parts.push(`above ${schema.exclusiveMinimum}`);
  if (schema.exclusiveMaximum !== undefined) parts.push(`below ${schema.exclusiveMaximum}`);
  if (schema.pattern) parts.push(`pattern ${schema.pattern}`);
  if (Array.isArray(schema.enum)) parts.push(`one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`);
  if (schema.default !== undefined) parts.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.readOnly) parts.push('read only');
  return parts.join(', ');
}

// A value that fits a schema: its example, else one made up from types. `seen` are the names on the way down.
function sample(raw, seen = []) {
  const schema = flat(raw);
  if (schema.example !== undefined) return schema.example;
  if (Array.isArray(schema.examples) && schema.examples.length) return schema.examples[0];
  if ('const' in schema) return schema.const;
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const choices = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choices) && choices.length)
    return sample(choices.find((one) => flat(one).type !== 'null') ?? choices[0], seen);
  const type = types(schema).find((one) => one !== 'null');
  const below = [...seen, refName(raw)];
  if (seen.length > DEEPEST || (refName(raw) && seen.includes(refName(raw)))) return null;
  if (type === 'object') {
    return Object.fromEntries(
      Object.entries(schema.properties ?? {})
        .filter(([, field]) => !flat(field).deprecated)
        .map(([name, field]) => [name, sample(field, below)]),
    );
  }
  if (type === 'array') return schema.items ? [sample(schema.items, below)] : [];
  if (type === 'integer' || type === 'number') return schema.minimum ?? schema.exclusiveMinimum ?? 0;
  if (type === 'boolean') return false;
  if (type === 'string') {
    const known = {
      'date-time': '2026-03-02T09:15:04.120Z',
      date: '2026-03-02',
      uuid: '019cae2f-6b1e-7c50-9a41-52b0c1d7e6aa',
      email: 'ada@example.com',
    };
    return known[schema.format] ?? 'text';
  }
  return null;
}

function exampleOf(media) {
  if (!media) return undefined;
  if (media.example !== undefined) return media.example;
  const named = Object.values(media.examples ?? {})
    .map((one) => resolve(one))
    .find((one) => one.value !== undefined);
  if (named) return named.value;
  return media.schema ? sample(media.schema) : undefined;
}

const asText = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

// ---- Schemas as lists of fields ----

function fieldList(raw, seen = []) {
  const schema = flat(raw);
  const name = refName(raw);
  if ((name && seen.includes(name)) || seen.length > DEEPEST) return null;
  const inner = name ? [...seen, name] : [...seen, ''];
  const choices = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choices)) {
    const lists = choices.map((one) => [typeText(one), fieldList(one, inner)]).filter(([, list]) => list);
    if (!lists.length) return null;
    return make(
      'ul',
      { className: 'fields' },
      ...lists.map(([title, list]) => make('li', {}, make('span', { className: 'type' }, title), list)),
    );
  }
  if (schema.items) return fieldList(schema.items, inner);
  const extra = typeof schema.additionalProperties === 'object' ? [['(any key)', schema.additionalProperties]] : [];
  const entries = Object.entries(schema.properties ?? {}).concat(extra);
  if (!entries.length) return null;
  const required = schema.required ?? [];
  return make(
    'ul',
    { className: 'fields' },
    ...entries.map(([key, field]) => fieldRow(key, field, required.includes(key), inner)),
  );
}

function fieldRow(key, raw, must, seen = []) {
  const schema = flat(raw);
  const below = fieldList(raw, seen);
  const bounds = limits(schema);
  return make(
    'li',
    {},
    make('span', { className: 'name' }, key),
    ' ',
    make('span', { className: 'type' }, typeText(raw)),
    must ? make('span', { className: 'must' }, ' required') : null,
    bounds ? make('span', { className: 'type' }, ` · ${bounds}`) : null,
    schema.description ? make('p', {}, schema.description) : null,
    below && seen.length > 1 ? make('details', {}, make('summary', {}, 'fields'), below) : below,
  );
}

// A box that scrolls can be reached by keyboard.
const code = (text, label) => make('pre', { tabIndex: 0, attributes: { role: 'group', 'aria-label': label } }, text);

function mediaBlock(content, label) {
  return Object.entries(content ?? {}).map(([type, raw]) => {
    const media = resolve(raw);
    const example = type.includes('multipart') ? undefined : exampleOf(media);
    const list = media.schema ? fieldList(media.schema) : null;
    return make(
      'div',
      {},
      make(
        'h4',
        {},
        make('code', {}, type),
        media.schema ? make('span', { className: 'soft' }, ` ${typeText(media.schema)}`) : null,
      ),
      make(
        'div',
        { className: 'halves' },
        list,
        example === undefined ? null : code(asText(example), `Example of ${label}`),
      ),
    );
  });
}

// ---- One operation ----

function operationNode(operation) {
  const { method, path, op } = operation;
  const socket = path.startsWith('/ws/');
  const node = make(
    'details',
    { className: `op${op.deprecated ? ' old' : ''}`, id: operation.id },
    make(
      'summary',
      {},
      make('span', { className: `method ${socket ? 'ws' : method}` }, socket ? 'WS' : method.toUpperCase()),
      make('span', { className: 'path' }, path),
      make('span', { className: 'soft' }, op.summary ?? ''),
    ),
  );
  let built = false;
  node.addEventListener('toggle', () => {
    if (!node.open || built) return;
    built = true;
    node.append(inside(operation, socket));
  });
  return node;
}

function inside({ method, path, op, shared }, socket) {
  const parameters = [...(shared ?? []), ...(op.parameters ?? [])]
    .map((one) => resolve(one))
    .filter((one, i, all) => all.findLastIndex((other) => other.name === one.name && other.in === one.in) === i);
  const body = op.requestBody ? resolve(op.requestBody) : null;
  const security = op.security ?? api.security;
  const who =
    Array.isArray(security) && security.length
      ? `Credentials: ${security.map((one) => Object.keys(one).join(' and ') || 'none').join(', or ')}.`
      : '';
  const box = make(
    'div',
    { className: 'inside' },
    op.description ? make('p', { className: 'prose' }, op.description) : null,
    who ? make('p', { className: 'soft' }, who) : null,
  );
  if (parameters.length) {
    box.append(
      make('h3', {}, 'Parameters'),
      make(
        'ul',
        { className: 'fields' },
        ...parameters.map((one) =>
          fieldRow(
            one.name,
            { ...flat(one.schema ?? {}), description: `${one.in}${one.description ? `: ${one.description}` : ''}` },
            one.required,
          ),
        ),
      ),
    );
  }
  if (body) {
    box.append(make('h3', {}, `Request body${body.required ? '' : ' (optional)'}`));
    if (body.description) box.append(make('p', { className: 'prose' }, body.description));
    box.append(...mediaBlock(body.content, 'the request'));
  }
  const replies = Object.entries(op.responses ?? {});
  if (replies.length)
    box.append(make('h3', {}, 'Replies'), ...replies.map(([status, raw]) => reply(status, resolve(raw))));
  box.append(
    socket
      ? make(
          'p',
          { className: 'try' },
          'This is a WebSocket. In demo mode the page /demo talks to it; ',
          make('code', {}, 'parley chat'),
          ' does so in a terminal.',
        )
      : tryForm(method, path, parameters, body),
  );
  return box;
}

function reply(status, response) {
  const headers = Object.entries(response.headers ?? {}).map(([name, raw]) =>
    fieldRow(
      name,
      {
        ...flat(resolve(raw).schema ?? {}),
        description: resolve(raw).description,
      },
      false,
    ),
  );
  return make(
    'details',
    { className: 'reply', open: /^2/.test(status) },
    make(
      'summary',
      {},
      make('span', { className: `status ${/^[23d]/.test(status) ? 'good' : 'bad'}` }, status),
      ` ${response.description ?? ''}`,
    ),
    headers.length ? make('h4', {}, 'Headers') : null,
    headers.length ? make('ul', { className: 'fields' }, ...headers) : null,
    ...mediaBlock(response.content, `the reply ${status}`),
  );
}

// ---- The form to try it ----

let numbers = 0;

function row(label, input, must) {
  input.id = `in-${(numbers += 1)}`;
  return make(
    'div',
    { className: 'row' },
    make('label', { htmlFor: input.id }, label, must ? make('span', { className: 'must' }, ' required') : null),
    input,
  );
}

function inputFor(raw, value, must) {
  const schema = flat(raw ?? {});
  const choices = Array.isArray(schema.enum) ? schema.enum : types(schema)[0] === 'boolean' ? [true, false] : null;
  if (!choices)
    return make('input', {
      type: 'text',
      value: value ?? '',
      required: Boolean(must),
      autocomplete: 'off',
      spellcheck: false,
    });
  const select = make(
    'select',
    {},
    ...(must ? [] : ['']).concat(choices).map((one) => make('option', {}, String(one))),
  );
  if (value !== undefined && value !== null) select.value = String(value);
  return select;
}

function tryForm(method, path, parameters, body) {
  const fields = parameters
    .filter((one) => one.in !== 'cookie' && !/^(authorization|x-api-key)$/i.test(one.name))
    .map((one) => {
      const example =
        one.example ??
        flat(one.schema ?? {}).example ??
        (one.in === 'path' && /^brand(_id)?$/.test(one.name) ? 'techpro' : undefined);
      return { ...one, input: inputFor(one.schema, one.required ? example : undefined, one.required) };
    });
  const content = bodyInputs(body);
  const send = make('button', { className: 'main', type: 'submit' }, 'Send');
  const stop = make('button', { type: 'button', hidden: true }, 'Stop');
  const line = make('button', { type: 'button' }, 'As a curl line');
  const result = make('div', { className: 'result', attributes: { 'aria-live': 'polite' } });
  const form = make(
    'form',
    { className: 'try', noValidate: false },
    make('h3', {}, 'Try it'),
    ...fields.map((one) =>
      row(
        make('span', {}, make('code', {}, one.name), make('span', { className: 'soft' }, ` ${one.in}`)),
        one.input,
        one.required,
      ),
    ),
    ...content.rows,
    make('div', { className: 'act' }, send, stop, line),
    result,
  );

  const request = () => {
    const url = new URL(location.origin);
    url.pathname = fields
      .filter((one) => one.in === 'path')
      .reduce((text, one) => text.replace(`{${one.name}}`, encodeURIComponent(one.input.value)), path);
    for (const one of fields) {
      if (one.in === 'query' && one.input.value !== '') url.searchParams.append(one.name, one.input.value);
    }
    const headers = {};
    for (const one of fields) {
      if (one.in === 'header' && one.input.value !== '') headers[one.name] = one.input.value;
    }
    if ($('token').value.trim()) headers.Authorization = `Bearer ${$('token').value.trim()}`;
    const given = content.value();
    if (given.type) headers['Content-Type'] = given.type;
    return { url, method: method.toUpperCase(), headers, ...given };
  };

  let running = null;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    stop.hidden = false;
    try {
      await perform(request(), result, running.signal);
    } catch (error) {
      result.append(make('p', { className: 'bad' }, error.name === 'AbortError' ? 'Stopped.' : String(error.message)));
    }
    if (document.activeElement === stop) send.focus();
    stop.hidden = true;
    running = null;
  });
  stop.addEventListener('click', () => running?.abort());
  line.addEventListener('click', () =>
    result.replaceChildren(make('h4', {}, 'curl'), code(curl(request()), 'curl line')),
  );
  return form;
}

function bodyInputs(body) {
  if (!body) return { rows: [], value: () => ({}) };
  const [type, raw] = Object.entries(body.content ?? {}).find(([one]) => /json/.test(one)) ??
    Object.entries(body.content ?? {})[0] ?? ['', {}];
  const media = resolve(raw);
  if (/multipart|urlencoded/.test(type)) {
    const schema = flat(media.schema ?? {});
    const parts = Object.entries(schema.properties ?? {}).map(([name, field]) => {
      const file = flat(field).format === 'binary' || flat(field).contentMediaType !== undefined;
      return { name, file, input: file ? make('input', { type: 'file' }) : inputFor(field, undefined, false) };
    });
    return {
      rows: parts.map((part) =>
        row(make('code', {}, part.name), part.input, (schema.required ?? []).includes(part.name)),
      ),
      value: () => {
        const form = new FormData();
        for (const part of parts) {
          if (part.file) for (const file of part.input.files) form.append(part.name, file);
          else if (part.input.value !== '') form.append(part.name, part.input.value);
        }
        return /multipart/.test(type) ? { body: form } : { body: new URLSearchParams(form).toString(), type };
      },
    };
  }
  const example = exampleOf(media);
  const area = make('textarea', { value: example === undefined ? '' : asText(example), spellcheck: false });
  return {
    rows: [row(make('span', {}, 'Body', make('span', { className: 'soft' }, ` ${type}`)), area, body.required)],
    value: () => (area.value.trim() === '' ? {} : { body: area.value, type }),
  };
}

function curl({ url, method, headers, body }) {
  const quote = (text) => `'${String(text).replace(/'/g, `'\\''`)}'`;
  const parts = [`curl -X ${method} ${quote(url.href)}`];
  for (const [name, value] of Object.entries(headers))
    parts.push(`-H ${quote(`${name}: ${name === 'Authorization' ? 'Bearer $TOKEN' : value}`)}`);
  if (body instanceof FormData)
    for (const [name, value] of body)
      parts.push(`-F ${quote(`${name}=${value instanceof File ? `@${value.name}` : value}`)}`);
  else if (body) parts.push(`-d ${quote(body)}`);
  return parts.join(' \\\n  ').replace(/'(Authorization: Bearer \$TOKEN)'/, '"$1"');
}

// Sends it and shows the reply; a stream is shown as it comes.
async function perform({ url, method, headers, body }, result, signal) {
  const began = performance.now();
  const title = make('h4', {}, `${method} ${decodeURI(url.pathname)}${url.search}`);
  result.replaceChildren(title, make('p', { className: 'soft' }, 'Waiting…'));
  const response = await fetch(url, { method, headers, body, signal, credentials: 'same-origin', redirect: 'manual' });
  const spent = () => `${Math.round(performance.now() - began)} ms`;
  const time = make('span', { className: 'soft' }, spent());
  title.prepend(
    make(
      'span',
      { className: `status ${response.ok ? 'good' : 'bad'}` },
      `${response.status} ${response.statusText}`.trim(),
    ),
  );
  title.append(time);
  const head = make(
    'details',
    {},
    make('summary', {}, 'Reply headers'),
    code([...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n'), 'Reply headers'),
  );
  const type = response.headers.get('content-type') ?? '';
  if (!/json|text|xml|javascript|^$/.test(type)) {
    const blob = await response.blob();
    const link = make(
      'a',
      { href: URL.createObjectURL(blob), download: url.pathname.split('/').pop() || 'reply' },
      'Save the reply',
    );
    result.replaceChildren(title, head, make('p', {}, `${type}, ${blob.size.toLocaleString('en-US')} bytes. `, link));
    return;
  }
  const shown = code('', 'Reply');
  result.replaceChildren(title, head, shown);
  let text = '';
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader.read()) {
    text += piece.value;
    if (/event-stream|ndjson/.test(type)) shown.textContent = text.slice(-SHOWN_CHARACTERS);
  }
  time.textContent = spent();
  if (/json/.test(type) && !/ndjson/.test(type)) {
    try {
      text = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      /* shown as it came */
    }
  }
  shown.textContent =
    text.length > SHOWN_CHARACTERS
      ? `${text.slice(0, SHOWN_CHARACTERS)}\n… ${text.length} characters in all`
      : text || '(empty)';
}

// ---- The page ----

function collect() {
  const groups = new Map((api.tags ?? []).map((tag) => [tag.name, { description: tag.description, operations: [] }]));
  for (const [path, item] of Object.entries(api.paths ?? {})) {
    const whole = resolve(item);
    for (const method of METHODS.filter((one) => whole[one])) {
      const op = whole[method];
      const tag = op.tags?.[0] ?? 'other';
      if (!groups.has(tag)) groups.set(tag, { operations: [] });
      groups.get(tag).operations.push({ method, path, op, shared: whole.parameters, id: `${method}-${path}` });
    }
  }
  return [...groups].filter(([, group]) => group.operations.length);
}

function show(groups) {
  $('title').textContent = api.info?.title ?? 'API documentation';
  document.title = `${$('title').textContent}: API documentation`;
  $('about').replaceChildren(
    `version ${api.info?.version ?? ''} · `,
    make('a', { href: '/openapi.json' }, 'openapi.json'),
  );
  const sections = groups.map(([tag, group]) => {
    const nodes = group.operations.map((operation) => {
      const node = operationNode(operation);
      const { op, method, path } = operation;
      return { node, words: `${method} ${path} ${op.summary ?? ''} ${op.operationId ?? ''} ${tag}`.toLowerCase() };
    });
    const id = `tag-${tag}`;
    const count = make('span', {}, String(nodes.length));
    const section = make(
      'section',
      { attributes: { 'aria-labelledby': id } },
      make('h2', { id }, tag),
      group.description ? make('p', { className: 'soft' }, group.description) : null,
      ...nodes.map(({ node }) => node),
    );
    const link = make('li', {}, make('a', { href: `#${encodeURIComponent(id)}` }, tag, count));
    return { nodes, section, link, count };
  });
  $('nav').replaceChildren(make('ul', {}, ...sections.map(({ link }) => link)));
  $('main').replaceChildren(
    ...(api.info?.description ? [make('p', { className: 'intro' }, api.info.description)] : []),
    ...sections.map(({ section }) => section),
  );

  const filter = () => {
    const wanted = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    let total = 0;
    for (const { nodes, section, link, count } of sections) {
      const left = nodes.filter(({ node, words }) => !(node.hidden = !wanted.every((word) => words.includes(word))));
      section.hidden = link.hidden = !left.length;
      count.textContent = String(left.length);
      total += left.length;
    }
    $('count').textContent = `${total} ${total === 1 ? 'endpoint' : 'endpoints'}`;
  };
  $('filter').addEventListener('input', filter);
  filter();
}

function openNamed() {
  let id = location.hash.slice(1);
  try {
    id = decodeURIComponent(id);
  } catch {
    /* as it is */
  }
  const node = id && $(id);
  if (!node) return;
  if (node.tagName === 'DETAILS') node.open = true;
  node.scrollIntoView();
}

async function start() {
  try {
    const response = await fetch('/openapi.json');
    if (!response.ok) throw new Error(`/openapi.json: ${response.status}`);
    api = await response.json();
  } catch (error) {
    $('wait').textContent = `The description of the API could not be read (${error.message}).`;
    return;
  }
  show(collect());
  openNamed();
}

$('tools').addEventListener('submit', (event) => event.preventDefault());
try {
  $('token').value = sessionStorage.getItem('parley:token') ?? '';
} catch {
  /* not kept, then */
}
const given = () => $('auth').classList.toggle('given', $('token').value.trim() !== '');
$('token').addEventListener('input', () => {
  given();
  try {
    sessionStorage.setItem('parley:token', $('token').value);
  } catch {
    /* as above */
  }
});
given();
addEventListener('hashchange', openNamed);
document.addEventListener(
  'toggle',
  (event) => {
    const node = event.target;
    if (node.classList?.contains('op') && node.open) history.replaceState(null, '', `#${encodeURIComponent(node.id)}`);
  },
  true,
);
addEventListener('keydown', (event) => {
  if (event.key === '/' && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    $('filter').focus();
  }
  if (event.key === 'Escape' && $('auth').open) {
    $('auth').open = false;
    $('auth').firstElementChild.focus();
  }
});
start();
