/** The part of jstat that the report uses; the package brings no types. */
declare module 'jstat' {
  const jstat: {
    /** Quantile `p` of the normal distribution. */
    readonly normal: { inv(p: number, mean: number, std: number): number };
    /** Quantile `p` of Student's t distribution, and its distribution function. */
    readonly studentt: {
      inv(p: number, degreesOfFreedom: number): number;
      cdf(t: number, degreesOfFreedom: number): number;
    };
    /** p-value of the z-test of `value` against a mean, with one or two sides. */
    ztest(value: number, mean: number, std: number, sides: 1 | 2): number;
  };
  export default jstat;
}
