// @ts-check
/**
 * The site's snippet: shows every visit a number of its own. What it does and how to embed it: docs/snippet.md.
 *
 *     <script async src="https://calls.example/s/v1.js" data-site="SITE"></script>
 *
 * Plain ES2019, at most 3 kB minified and gzipped (scripts/build-snippet makes bridge/web/static/s/v1.js of it). It never throws to the page,
 * leaves no global but `callbridge`, talks to nobody but the place it came from, and while that is silent the printed numbers stay.
 *
 * @typedef {{e164: string, national: string, international: string, tel: string}} Shown a number to show, in four ways of writing it
 * @typedef {Object<string, Shown>} Swap by the digits of the printed number, with country code
 * @typedef {{visitor?: string, visit?: string, swap?: Swap, beat?: number, ttl?: number, ask?: boolean}} Answer of the service; empty for 204
 * @typedef {Answer & {at?: number}} Kept the answers so far, one over the other, and the time of the last one (ms)
 * @typedef {[printed: string, written: string, at: number, again: number]} Mark what the page printed, what we wrote and when, how often in a row
 * @typedef {Text | Attr} Place of a text
 */
(function (/** @type {any} */ w, d) {
  const KEY = 'callbridge';
  const me = /** @type {HTMLScriptElement} */ (d.currentScript);
  const early = w[KEY]; // {consent: boolean} where a banner was quicker than this file
  if (!me || (early && early.swap)) return;
  const landing = location.href;
  /** @type {Swap} */
  let swap = {}; // what is shown now
  /** @type {Set<Node>} */
  let seen; // in this scan
  /** @type {Text[]} */
  let line = []; // texts with nothing between them but inline markup
  let mode = ''; // 'full', 'cookieless', or nothing: nobody is asked
  /** @type {Kept} */
  let kept = {};
  let page = landing;
  let ids = '';
  let busy = 0;
  let active = false;
  let idle = 0;
  let timer = 0; // runs once the service has been asked
  /** @type {((numbers: Swap) => void)[]} */
  let listeners = [];
  const option = (/** @type {string} */ name) => me.getAttribute('data-' + name);
  const within = option('select');
  const base = me.src.replace(/[^/]*$/, 'v1/');
  const testing = /[?&]callbridge=test/.test(location.search);
  const log = (/** @type {any[]} */ ...what) => testing && console.log(KEY, ...what);
  /** Whatever the page or the browser calls: a fault of ours stays ours. */
  const safe = (/** @type {Function} */ call) => (/** @type {any[]} */ ...given) => {
    try {
      return call(...given);
    } catch (error) {
      log(error);
    }
  };

  // ---- numbers in texts

  const OFF = 'script,style,textarea,select,[contenteditable]:not([contenteditable=false]),[data-callbridge=off]';
  const ATTRIBUTES = ('href,title,alt,aria-label,content,' + option('attrs')).split(',');
  /** @type {WeakMap<Place, Mark>} */
  const marks = new WeakMap();

  /**
   * A text with its numbers swapped: digit by digit in the printed notation. In links, and where that cannot be (other length of the number or of
   * the area code), as a whole in the service's notation. A number is digits with nothing between them but spaces of any width, brackets, dots,
   * dashes, soft hyphens, and the \0 between texts that are read as one.
   */
  const render = (/** @type {string} */ text, /** @type {boolean} */ link) => text.replace(/\+?\(?\d(?:[\0\s().\-\xad\u200b-\u2015\u2060\u2212]*\d)*/g, numbers => {
    const parts = numbers.split(/(\d+)/); // digits at the odd places
    const plus = parts[0][0] == '+';
    for (let i = 1; i < parts.length; i += 2) {
      let digits = '';
      let size = 0;
      let end = i;
      /** @type {Shown | undefined} */
      let shown;
      for (let j = i; j < parts.length && digits.length < 16; j += 2) {
        digits += parts[j];
        // without the country code, or with 8 in its place; but not within another country's number
        const known = swap[digits] || !(plus && i < 4) && /^8?\d{10}$/.test(digits) && swap['7' + digits.slice(-10)];
        if (known) {
          shown = known;
          size = digits.length;
          end = j;
        }
      }
      if (shown) {
        const area = (/** @type {string} */ number) => /\d+\)|$/.exec(number)[0].length;
        const brackets = area(parts.slice(i, end + 1).join(''));
        const plain = shown.national.replace(/\D/g, '');
        const next = (parts[i][0] == plain[0] ? plain : shown.e164.slice(1)).slice(size == 10 ? -10 : 0);
        const whole = link ? shown.tel : next.length == size && (!brackets || brackets == area(shown.national)) ? '' :
          plus && i < 2 ? shown.international : shown.national;
        if (whole) parts[i - 1] = parts[i - 1].replace(/\+?\(?$/, '');
        for (let j = i, done = 0; j <= end; j++) {
          if (whole) parts[j] = j > i ? parts[j].replace(/[^\0]/g, '') : whole;
          else if (j % 2) parts[j] = next.slice(done, done += parts[j].length);
        }
        i = end;
      }
    }
    return parts.join('');
  });

  /** Swap in some places that are read as one. What the page printed is remembered: the next swap, or none, starts from it again. */
  const treat = (/** @type {Place[]} */ places) => {
    const printed = places.map(place => {
      const [was, written] = marks.get(place) || [];
      return written == place.nodeValue ? was : place.nodeValue;
    });
    const link = places[0].nodeName == 'href';
    const text = link ? unescape(printed[0]) : printed.join('\0');
    const next = render(text, link);
    (next == text ? printed : next.split('\0')).forEach((text, i) => {
      const place = places[i];
      const old = place.nodeValue;
      const [was, , at, times] = marks.get(place) || [];
      const now = Date.now();
      // whoever puts the printed number back at once, again and again, wins: a loop would be worse
      const again = was == old && now - at < 99 ? times + 1 : 0;
      if (text == old || again > 9) return;
      marks.set(place, [printed[i], text, now, again]);
      place.nodeValue = text;
      log(old, text, place);
    });
  };

  // ---- numbers in the page

  const soft = (/** @type {Node | null} */ node) => node && /^(#text|#comment|em|font|nobr|small|t?span|strong|su[bp]|wbr|[abisu])$/i.test(node.nodeName);
  const wanted = (/** @type {Element | null} */ element) => !within || element && element.closest(within);
  const flush = () => {
    if (line.some(text => /\d/.test(text.data)) && wanted(line[0].parentElement)) treat(line);
    line = [];
  };

  const walk = (/** @type {any} */ node) => {
    seen.add(node);
    if (node.nodeType == 3) line.push(node);
    if (node.matches && node.matches(OFF)) return flush();
    if (!soft(node)) flush();
    if (node.matches && wanted(node)) {
      ATTRIBUTES.forEach(name => {
        const place = node.getAttributeNode(name);
        if (place && (name != 'href' || /^tel:/i.test(place.value))) treat([place]);
      });
    }
    node.childNodes.forEach(walk);
    if (!soft(node)) flush();
  };

  /** Swap in these nodes, and in the lines of text they stand in. */
  const scan = (/** @type {Node[]} */ nodes) => {
    seen = new Set();
    nodes.forEach(node => {
      if (seen.has(node) || (node.parentElement || d.head).closest(OFF)) return;
      if (soft(node)) {
        while (soft(node.parentNode)) node = node.parentNode;
        while (soft(node.previousSibling)) node = node.previousSibling;
        for (; soft(node); node = node.nextSibling) walk(node);
      } else walk(node);
      flush();
    });
  };

  // ---- the visit


  const load = () => safe(() => JSON.parse(safe(() => localStorage[KEY])() || decodeURIComponent(/callbridge=([^;]*)/.exec(d.cookie)[1])))() || {};
  const save = safe(() => {
    const keep = mode == 'full' ? kept : {};
    try {
      localStorage[KEY] = JSON.stringify(keep);
    } catch {
      d.cookie = KEY + '=' + encodeURIComponent(JSON.stringify(keep, ['visitor', 'visit', 'at'])) + ';path=/;max-age=30000000';
    }
  });

  /** Ids that others left in the address and, if they may be read, in cookies; as JSON. */
  const collect = () => {
    /** @type {Object<string, string>} */
    const all = {};
    landing.replace(/[?&]((?:g|y|ys|fb|tt)clid|msclkid|[gw]braid|rb_clickid)=([^&#]+)/g, (_, name, value) => all[name[2] == '_' ? 'vk' : name] = value);
    if (mode == 'full') {
      safe(() => d.cookie.replace(/_ga=GA1\.[\d-]+\.(\d+\.\d+)|_ga_\w+=GS\d\.\d+\.s?(\d+)|_ym_uid=(\d+)/g, (_, ga, session, ym) =>
        ga ? all.ga = ga : session ? all.ga_session = session : all.ym = ym))();
    }
    return JSON.stringify(all);
  };

  /**
   * @param {string} path
   * @param {Object} more
   * @param {(answer?: any) => void} [then] gets the answer, or nothing where the service is slow or down; without it, none is waited for
   */
  const post = (path, more, then) => {
    const stop = new AbortController();
    const body = JSON.stringify({site: option('site'), visit: kept.visit || null, page: location.href, ...more});
    setTimeout(() => stop.abort(), 2000);
    if (!then && navigator.sendBeacon(base + path, body)) return;
    fetch(base + path, {method: 'POST', body, keepalive: true, signal: stop.signal})
      .then(answer => answer.status == 204 ? {} : answer.ok ? answer.json() : 0)
      .catch(log)
      .then(then)
      .catch(log);
  };

  const holds = () => Object.keys(swap)[0];
  const tell = (/** @type {(numbers: Swap) => void} */ listener) => timer && setTimeout(listener, 0, swap);
  const show = () => {
    const text = JSON.stringify(!(Date.now() > kept.at + kept.ttl * 1000) && kept.swap || {});
    swap = JSON.parse(testing ? text.replace(/"\w+":("..)?|\d/g, part => part[1] ? part : '9') : text);
    scan([d]);
    listeners.forEach(tell);
  };
  const adopt = (/** @type {Answer} */ answer) => {
    log(answer);
    if (mode && answer) kept = {...kept, ...answer, at: Date.now(), swap: {...kept.swap, ...answer.swap}};
    show();
    save();
  };

  const ask = () => {
    if (!mode || busy || d.hidden || d.readyState == 'loading') return;
    busy = 1;
    ids = collect();
    post('visit', {
      page, visitor: kept.visitor || null, referrer: d.referrer, ids: JSON.parse(ids), mobile: /Mobi/.test(navigator.userAgent), consent: mode
    }, answer => {
      busy = 0;
      timer = timer || setInterval(safe(() => {
        if (d.hidden) return;
        if (active && ids != collect()) ask();
        else if (active || ++idle > 2 && holds()) beat();
      }), ((answer || kept).beat || 15) * 1000);
      if (answer) kept.swap = {};
      else ids = ''; // ask again
      adopt(answer);
      d.dispatchEvent(new CustomEvent(KEY + ':ready', {detail: {visit: kept.visit, numbers: swap}}));
      route();
    });
  };
  const beat = () => {
    if (kept.visit) {
      post('beat', {active}, answer => {
        adopt(answer);
        if (answer && answer.ask) ask(); // it is another visit by now, or the service has lost it
      });
    }
    active = false;
    idle = 0;
  };
  /** @param {string} kind @param {string} [number] */
  const event = (kind, number) => kept.visit && post('event', {kind, number, at: Date.now()});
  const route = safe(() => {
    if (!timer || location.href == page) return;
    page = location.href;
    if (holds()) event('page');
    else ask();
  });
  const sync = () => {
    const other = load();
    if (mode == 'full' && other.swap) {
      kept = other;
      show();
    }
  };
  const back = () => {
    if (d.hidden) return;
    active = true;
    sync();
    if (timer) beat();
    else ask();
  };

  const consent = safe((/** @type {boolean} */ yes) => {
    mode = yes ? 'full' : option('cookieless') == null ? '' : 'cookieless';
    if (!yes) {
      kept = {};
    } else if (!kept.visit) {
      kept = load();
      if (!(Date.now() < kept.at + 18e5)) kept.visit = kept.swap = undefined; // half an hour: another visit
    }
    show();
    ask();
    save();
  });

  w[KEY] = {
    swap: safe((/** @type {Node} */ node) => scan([node || d])),
    numbers: safe((/** @type {(numbers: Swap) => void} */ listener) => {
      listeners.push(listener);
      tell(listener);
    }),
    consent
  };
  ['pushState', 'replaceState'].forEach(name => {
    const own = /** @type {any} */ (history)[name];
    /** @type {any} */ (history)[name] = (/** @type {any[]} */ ...given) => {
      own.apply(history, given);
      route();
    };
  });
  const on = (/** @type {string} */ names, /** @type {(event: any) => void} */ listener) =>
    names.split(' ').forEach(name => w.addEventListener(name, safe(listener), true));
  on('popstate', route);
  on('mousemove keydown scroll touchstart', () => active = true);
  on('DOMContentLoaded', ask);
  on('storage', sync);
  on('visibilitychange', back);
  on('pageshow', e => e.persisted && back());
  on('pagehide', () => event('leave'));
  on('click', e => {
    const link = e.target.closest('[href^="tel:" i]');
    if (link) event('tap', link.getAttribute('href').slice(4));
  });
  on('copy', () => Object.values(swap).forEach(({e164}) => {
    if (String(getSelection()).replace(/\D/g, '').includes(e164.slice(-10))) event('copy', e164);
  }));
  new MutationObserver(safe((/** @type {MutationRecord[]} */ records) => scan(records.flatMap((/** @type {any} */ r) => r.type == 'childList' ? [...r.addedNodes] : r.target))))
    .observe(d, {childList: true, subtree: true, characterData: true, attributeFilter: ATTRIBUTES});
  if (early) consent(early.consent);
  else if (!option('consent') && (option('dnt') == null || !(/** @type {any} */ (navigator).doNotTrack > 0 || /** @type {any} */ (navigator).globalPrivacyControl))) consent(option('cookieless') == null);
})(window, document);
