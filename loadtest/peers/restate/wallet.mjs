// One virtual object per account: its handler reads the balance, decides, writes it. Restate runs the calls of one
// object one after the other and answers a repeated idempotency key with the first answer.
import http2 from "node:http2";

// Before Node 22 there is none, and the SDK wants one.
Promise.withResolvers ??= function withResolvers() {
  let resolve, reject;
  const promise = new this((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

const restate = await import("@restatedev/restate-sdk");

const INITIAL = 1_000_000;

const wallet = restate.object({
  name: "Wallet",
  handlers: {
    redeem: async (context, { amount }) => {
      const balance = (await context.get("balance")) ?? INITIAL;
      if (amount > balance) {
        return { accepted: false, balance };
      }
      context.set("balance", balance - amount);
      return { accepted: true, balance: balance - amount };
    },
  },
});

const handler = restate.endpoint().bind(wallet).http2Handler();
http2.createServer(handler).listen(Number(process.argv[2]), "127.0.0.1");
