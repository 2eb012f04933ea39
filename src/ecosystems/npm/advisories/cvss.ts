const ATTACK_VECTOR: Record<string, number> = { N: 0.85, A: 0.62, L: 0.55, P: 0.2 };
const COMPLEXITY: Record<string, number> = { L: 0.77, H: 0.44 };
const PRIVILEGES: Record<string, number> = { N: 0.85, L: 0.62, H: 0.27 };
const PRIVILEGES_CHANGED: Record<string, number> = { N: 0.85, L: 0.68, H: 0.5 };
const INTERACTION: Record<string, number> = { N: 0.85, R: 0.62 };
const IMPACT: Record<string, number> = { H: 0.56, L: 0.22, N: 0 };

/**
 * The base score of a CVSS 3 vector; undefined for other versions and for what is none.
 * @see https://www.first.org/cvss/v3.1/specification-document, section 7.1
 */
export function baseScore(vector: string): number | undefined {
  if (!/^CVSS:3\.[01]\//.test(vector)) return undefined;
  const metrics = new Map(
    vector.split('/').map((part) => {
      const [key = '', value = ''] = part.split(':');
      return [key, value];
    }),
  );
  const weight = (key: string, table: Record<string, number>): number =>
    table[metrics.get(key) ?? ''] ?? Number.NaN;
  const isChanged = metrics.get('S') === 'C';
  const left = (key: string): number => 1 - weight(key, IMPACT);
  const lost = 1 - left('C') * left('I') * left('A');
  const impact = isChanged ? 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 : 6.42 * lost;
  const exploitability =
    8.22 *
    weight('AV', ATTACK_VECTOR) *
    weight('AC', COMPLEXITY) *
    weight('PR', isChanged ? PRIVILEGES_CHANGED : PRIVILEGES) *
    weight('UI', INTERACTION);
  if (Number.isNaN(impact + exploitability)) return undefined;
  if (impact <= 0) return 0;
  return roundedUp(Math.min((isChanged ? 1.08 : 1) * (impact + exploitability), 10));
}

/** To one decimal, as the specification's appendix A does it. */
function roundedUp(score: number): number {
  const whole = Math.round(score * 100_000);
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10;
}
