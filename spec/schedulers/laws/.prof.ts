import { laws } from '/work/main/src/laws/index.ts'
import { subjects } from '/work/main/spec/schedulers/laws/subjects.ts'
const pick = subjects.filter((s) => new RegExp(process.argv[2]!).test(s.name))
const per = new Map<number, number>()
for (const s of pick)
  for (const l of laws(s.make, s.traits, { runs: 4 })) {
    const a = performance.now()
    try {
      l.check()
    } catch (e) {
      console.log(
        s.name,
        l.name,
        String((e as { cause?: unknown }).cause ?? e).slice(0, 200),
        String(e)
          .match(/Counterexample.*/)?.[0]
          ?.slice(0, 80),
      )
    }
    per.set(l.number, (per.get(l.number) ?? 0) + performance.now() - a)
  }
console.log(pick.length, JSON.stringify([...per].map(([k, v]) => [k, Math.round(v)])))
