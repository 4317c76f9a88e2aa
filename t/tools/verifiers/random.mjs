// Numbers that are the same for the same seed (mulberry32).

export class Random {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    // a whole number below n

    below(n) {
        this.state = (this.state + 0x6d2b79f5) >>> 0;

        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);

        return Math.floor(((t ^ (t >>> 14)) >>> 0) / 4294967296 * n);
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    // true once in n times

    one(n) {
        return this.below(n) === 0;
    }
}
