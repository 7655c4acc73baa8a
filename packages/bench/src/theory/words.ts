/** What terminal and page say of a claim that was run. */
import type { ClaimResult, JudgedCheck } from '@mixerzoo/theory';
import { VERDICT_MARKS } from '../figures/claims.js';
import { formatPercent, plural } from '../report/format.js';

/** As a figure's claims are called. */
export const verdictOf = ({ holds }: ClaimResult): 'holding' | 'not holding' => (holds ? 'holding' : 'not holding');

/** `6 of 6 claims hold`. */
export function countHolding(results: readonly ClaimResult[]): string {
  const holding = results.filter(({ holds }) => holds).length;
  return `${holding} of ${plural(results.length, 'claim')} ${results.length === 1 ? 'holds' : 'hold'}`;
}

/**
 * The check of the claim itself that is nearest to its bound: of those that must hold, the least margin. A count that is exactly at
 * its bound (no wrong answers) has no margin to speak of, and comes last.
 */
export function nearestToBound({ checks }: ClaimResult): JudgedCheck | undefined {
  const own = checks.filter(({ expected }) => expected === 'holds');
  const atBound = ({ measured, bound }: JudgedCheck) => (measured === bound ? 1 : 0);
  return own.sort((a, b) => atBound(a) - atBound(b) || a.margin - b.margin)[0];
}

/** Four digits, as short as they are. */
const formatNumber = (value: number): string => {
  const short = Number(value.toPrecision(4));
  return short !== 0 && (Math.abs(short) < 1e-3 || Math.abs(short) >= 1e6) ? short.toExponential() : String(short);
};

export const formatMeasured = ({ measured }: JudgedCheck): string => formatNumber(measured);

/** `<= 0.25` */
export const formatBound = ({ relation, bound }: JudgedCheck): string =>
  `${relation === 'at most' ? '≤' : '≥'} ${formatNumber(bound)}`;

/** What is left to the bound: `20.0 % left`, or `4.1 % past it`. */
export const formatMargin = ({ margin }: JudgedCheck): string =>
  `${formatPercent(Math.abs(margin))} ${margin < 0 ? 'past it' : 'left'}`;

/** `|f - v|, N = 3: measured 0.2, bound <= 0.25, 20.0 % left`. */
function formatCheck(check: JudgedCheck): string {
  return `${check.what}: measured ${formatMeasured(check)}, bound ${formatBound(check)}, ${formatMargin(check)}`;
}

/** A claim in the terminal: verdict, what was built, the check nearest to its bound, and each that is not as expected. */
export function formatResult(result: ClaimResult): string {
  const { id, title, built, checks } = result;
  const status = verdictOf(result);
  const nearest = nearestToBound(result);
  const unexpected = checks.filter(({ asExpected }) => !asExpected);
  const lines = unexpected.map((check) =>
    check.expected === 'holds' ? `does not hold: ${formatCheck(check)}` : `holds, and must not: ${formatCheck(check)}`,
  );
  const summary = nearest
    ? `${plural(checks.length, 'check')}, nearest to its bound: ${formatCheck(nearest)}`
    : 'no check';
  return [`${VERDICT_MARKS[status]} ${status}: ${title} (${id})`, `built: ${built}`, summary, ...lines].join('\n    ');
}
