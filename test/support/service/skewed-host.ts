/** What a process is started with for its host's clock to be so many seconds off; nothing else on the machine is. */
export function skewedHost(seconds: number): Record<string, string> {
  const script = `
    const Real = Date;
    const off = ${seconds * 1_000};
    globalThis.Date = class Date extends Real {
      constructor(...given) {
        if (given.length === 0) super(Real.now() + off);
        else super(...given);
      }
      static now() {
        return Real.now() + off;
      }
    };`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}
