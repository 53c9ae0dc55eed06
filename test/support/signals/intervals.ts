export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle - 0.5)]! + sorted[Math.ceil(middle - 0.5)]!) / 2;
}

/** Two-sided quantiles of the normal distribution. */
const Z = { 0.99: 2.5758 } as const;

/**
 * A distribution-free confidence interval of the median from order statistics: the ranks come from the binomial
 * distribution of how many values lie below the median, here in its normal approximation (Conover, Practical
 * Nonparametric Statistics, 3.2), which is good from some twenty values on.
 */
export function medianInterval(values: readonly number[], confidence: keyof typeof Z): [low: number, high: number] {
  const sorted = [...values].sort((a, b) => a - b);
  const half = (Z[confidence] * Math.sqrt(values.length)) / 2;
  const low = Math.max(0, Math.floor(values.length / 2 - half) - 1);
  const high = Math.min(values.length - 1, Math.ceil(values.length / 2 + half));
  return [sorted[low]!, sorted[high]!];
}
