// What the page uses of d3-shape, which brings no types along.
declare module "d3-shape" {
  type Num<T> = (d: T, i: number) => number;
  export interface Area<T> {
    (data: T[]): string | null;
    x(f: Num<T>): this;
    y0(f: Num<T> | number): this;
    y1(f: Num<T>): this;
    defined(f: (d: T) => boolean): this;
    curve(c: unknown): this;
  }
  export interface Line<T> {
    (data: T[]): string | null;
    x(f: Num<T>): this;
    y(f: Num<T>): this;
    defined(f: (d: T) => boolean): this;
    curve(c: unknown): this;
  }
  export function area<T>(): Area<T>;
  export function line<T>(): Line<T>;
  export const curveMonotoneX: unknown;
  export const curveStepBefore: unknown;
}
