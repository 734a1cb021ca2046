using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>
/// Goal: with deterministic schedulers nobody's verdict hangs on who was faster. Method: the same
/// trials are run with slots and arrival orders drawn from a seed; all verdicts, with their
/// reasons, must be those of one slot.
/// </summary>
public sealed class ArrivalOrderTests
{
    private const int Epochs = 16;

    private static readonly SearchSpace space = SweepSpaces.Box((0.01, 1));

    public static TheoryData<SchedulerSpec> OneByOne =>
        new(new MedianSpec(2), new AshaSpec(2), new AshaSpec(2, 5, 3), new AshaSpec(4, 3, 2));

    [Theory]
    [MemberData(nameof(OneByOne))]
    public void VerdictsAreThoseOfOneTrialAfterTheOther(SchedulerSpec spec)
    {
        for (int seed = 0; seed < 40; seed++)
        {
            SortedDictionary<(int, int), string> alone =
                new Sweep(spec, trials: 24, losses: seed, order: 0).Run(slots: 1);
            Assert.Contains(alone.Values, verdict => Is("Stop", verdict));
            Assert.Contains(alone.Values, verdict => Is("GoOn", verdict));
            for (int order = 1; order <= 5; order++)
            {
                Assert.Equal(
                    alone, new Sweep(spec, 24, seed, order).Run(slots: 1 + (7 * order % 24)));
            }
        }
    }

    [Fact]
    public void APopulationTakesOverTheSame()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            SortedDictionary<(int, int), string> first =
                new Sweep(new PbtSpec(4), 12, seed, 0).Run(slots: 12);
            Assert.Contains(first.Values, verdict => Is("Exploit", verdict));
            for (int order = 1; order <= 5; order++)
                Assert.Equal(first, new Sweep(new PbtSpec(4), 12, seed, order).Run(slots: 12));
        }
    }

    private static bool Is(string kind, string verdict) =>
        verdict.StartsWith(kind, StringComparison.Ordinal);

    /// <summary>Trials with drawn losses, some of which fail on their way.</summary>
    private sealed class Sweep
    {
        private readonly ITrialScheduler scheduler;
        private readonly Random order;
        private readonly double[][] losses;
        private readonly int[] failsAfter;
        private readonly TrialProgress[] trials;
        private readonly int[] epochs;
        private readonly SortedSet<int> waiting = [];
        private readonly SortedDictionary<(int Trial, int Epoch), string> verdicts = [];

        public Sweep(SchedulerSpec spec, int trials, int losses, int order)
        {
            scheduler = Schedulers.Create(spec, space, Epochs, (ulong)losses, deterministic: true);
            this.order = new Random(order);
            var random = new Random(losses);
            this.losses = [.. Enumerable.Range(0, trials).Select(_ => Enumerable.Range(0, Epochs)
                .Select(_ => random.Next(30) == 0 ? double.NaN : random.Next(50) / 10.0)
                .ToArray())];
            failsAfter = [.. Enumerable.Range(0, trials).Select(
                _ => random.Next(8) == 0 ? random.Next(Epochs) : int.MaxValue)];
            this.trials = [.. Enumerable.Range(0, trials).Select(number => new TrialProgress(
                number, [new("x0", $"0.{number + 10}")], false, []))];
            epochs = new int[trials];
        }

        public SortedDictionary<(int, int), string> Run(int slots)
        {
            while (true)
            {
                int[] held = [.. Enumerable.Range(0, trials.Length)
                    .Where(number => !trials[number].HasEnded).Take(slots)];
                if (held.Length == 0)
                    return verdicts;
                int[] runnable = [.. held.Where(number => !waiting.Contains(number))];
                Assert.NotEmpty(runnable);
                Advance(runnable[order.Next(runnable.Length)]);
                foreach (int number in waiting.OrderBy(_ => order.Next()).ToList())
                    Judge(number);
            }
        }

        private void Advance(int number)
        {
            if (epochs[number] >= failsAfter[number])
            {
                trials[number] = trials[number] with { HasEnded = true };
                return;
            }
            int epoch = ++epochs[number];
            bool isLast = epoch == Epochs;
            bool isRung = scheduler.Rungs.Contains(epoch);
            if (isLast || isRung)
            {
                trials[number] = trials[number] with
                {
                    HasEnded = isLast,
                    Results =
                    [
                        .. trials[number].Results, new(epoch, losses[number][epoch - 1]),
                    ],
                };
            }
            if (isRung)
                waiting.Add(number);
        }

        private void Judge(int number)
        {
            Verdict verdict = scheduler.Judge(number, epochs[number], trials);
            if (verdict is Verdict.Wait)
                return;
            waiting.Remove(number);
            string parameters = "";
            if (verdict is Verdict.Exploit exploit)
            {
                parameters = SweepSpaces.Show(exploit.Parameters);
                trials[number] = trials[number] with { Parameters = exploit.Parameters };
            }
            verdicts.Add(
                (number, epochs[number]),
                $"{verdict.GetType().Name} {verdict.Reason} {parameters}");
            if (verdict is Verdict.Stop)
                trials[number] = trials[number] with { HasEnded = true };
        }
    }
}
