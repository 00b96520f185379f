// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The filter language: `state:failed,stuck team:desk cost>1 -kind:llm words`. All parts have to hold.

const number = (text) => {
  const found = /^\$?(\d+(?:\.\d+)?)(k|m|%)?$/i.exec(text);
  if (!found) return null;
  return Number(found[1]) * ({ k: 1e3, m: 1e6 }[found[2]?.toLowerCase()] ?? 1);
};

/**
 * @param {string} text
 * @param {Record<string, (row: any) => string | number | null>} fields what can be asked for; numbers compare, words fit
 * @returns {{test: (row: any) => boolean, problem: string | null}}
 */
export function parse(text, fields) {
  const tests = [];
  let problem = null;
  for (const part of text.trim().split(/\s+/).filter((word) => word !== "")) {
    const negated = part.startsWith("-") && part.length > 1;
    const word = negated ? part.slice(1) : part;
    const found = /^([a-z]+)(:|>=|<=|>|<|=)(.+)$/i.exec(word);
    if (!found) {
      const wanted = word.toLowerCase();
      tests.push((row) => String(fields.name(row)).toLowerCase().includes(wanted) !== negated);
      continue;
    }
    const [, name, sign, value] = found;
    const field = fields[name.toLowerCase()];
    if (!field) {
      problem ??= `There is no ${name}. Ask for ${Object.keys(fields).join(", ")}.`;
      continue;
    }
    const test = comparison(field, sign, value);
    if (!test) {
      problem ??= `${value} is no number.`;
      continue;
    }
    tests.push((row) => test(row) !== negated);
  }
  return { test: (row) => tests.every((test) => test(row)), problem };
}

function comparison(field, sign, value) {
  if (sign === ":" || sign === "=") {
    const wanted = value.toLowerCase().split(",").filter((word) => word !== "");
    return (row) => {
      const has = field(row);
      if (typeof has === "number") return wanted.some((word) => number(word) === has);
      return has !== null && wanted.some((word) => String(has).toLowerCase() === word || (sign === ":" && String(has).toLowerCase().startsWith(word)));
    };
  }
  const limit = number(value);
  if (limit === null) return null;
  return (row) => {
    const has = field(row);
    if (typeof has !== "number") return false;
    return { ">": has > limit, "<": has < limit, ">=": has >= limit, "<=": has <= limit }[sign];
  };
}
