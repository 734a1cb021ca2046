using Distributed.Kernel;
using Distributed.Runtime.Sweeps;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>
/// Goal: whatever is wrong in a sweep file is refused before anything runs, with lines that mend
/// it. Method: small files against the exact lines expected.
/// </summary>
public sealed class SweepFileErrorTests
{
    private const string Rate = "  optimizer.learningRate: {loguniform: [1e-4, 1e-1]}\n";

    private static string[] Errors(string yaml, params string[] overrides) =>
    [
        .. Assert.Throws<SpecificationException>(
            () => SweepFile.Read(yaml, "s.yaml", overrides)).Errors,
    ];

    /// <summary>A file with these lines as its space; the first of them is line 2.</summary>
    private static string[] SpaceErrors(string space) => Errors($"space:\n{space}\ntrials: 1\n");

    private static void Refused(string expected, string[] errors) =>
        Assert.Equal([expected], errors);

    [Theory]
    [InlineData("uniform: [1, 1]",
        "s.yaml:2:29 labelSmoothing.uniform: from 1 to 1; expected the low end first, and a high "
        + "end above it")]
    [InlineData("int: [8, 2]",
        "s.yaml:2:25 labelSmoothing.int: from 8 to 2; expected the low end first, and a high end "
        + "above it")]
    [InlineData("loguniform: [0, 1]",
        "s.yaml:2:32 labelSmoothing.loguniform: from 0; expected a low end above 0, where a "
        + "logarithm is")]
    [InlineData("logint: [-1, 8]",
        "s.yaml:2:28 labelSmoothing.logint: from -1; expected a low end above 0, where a logarithm "
        + "is")]
    [InlineData("uniform: [0, 0.5], step: 0",
        "s.yaml:2:45 labelSmoothing.step: 0; expected a step above 0 and at most 0.5, the width of "
        + "the range")]
    [InlineData("int: [2, 8], step: 7",
        "s.yaml:2:39 labelSmoothing.step: 7; expected a step above 0 and at most 6, the width of "
        + "the range")]
    [InlineData("uniform: [0, much]",
        "s.yaml:2:29 labelSmoothing.uniform: 'much'; expected a number")]
    [InlineData("int: [0, 1.5]",
        "s.yaml:2:25 labelSmoothing.int: '1.5'; expected a whole number")]
    [InlineData("uniform: 0.5",
        "s.yaml:2:29 labelSmoothing.uniform: '0.5'; expected the two ends, such as uniform: "
        + "[1e-4, 1e-1]")]
    [InlineData("unifrom: [0, 0.5]",
        "s.yaml:2:20 labelSmoothing: unknown expression 'unifrom'; did you mean uniform?")]
    [InlineData("uniform: [0, 0.5], stpe: 0.1",
        "s.yaml:2:39 labelSmoothing.stpe: unknown key; did you mean step?")]
    [InlineData("uniform: [0, 0.5], choice: [0.1, 0.2]",
        "s.yaml:2:3 labelSmoothing: uniform beside choice; expected one")]
    [InlineData("choice: [0.1]",
        "s.yaml:2:28 labelSmoothing: the one option 0.1; expected two options or more, such as "
        + "{choice: [32, 64]}: what does not vary belongs under run")]
    [InlineData("choice: [0.1, 1e-1]",
        "s.yaml:2:28 labelSmoothing: 0.1 is there twice; expected each option once")]
    public void Ranges_and_choices_that_are_none(string expression, string expected) =>
        Refused(expected, SpaceErrors($"  labelSmoothing: {{{expression}}}"));

    [Theory]
    [InlineData("  labelSmoothing: 0.1",
        "s.yaml:2:3 labelSmoothing: '0.1'; expected an expression such as {uniform: [0, 1]} or "
        + "{choice: [a, b]}; what does not vary belongs under run")]
    [InlineData("  globalBatch: [32, 64]",
        "s.yaml:2:3 globalBatch: a list; expected an expression such as {choice: [32, 64]}")]
    [InlineData("  optimizer..kind: {choice: [adam, sgd]}",
        "s.yaml:2:3 optimizer..kind: not a key of a run spec; expected a dotted path such as "
        + "optimizer.learningRate")]
    [InlineData("  seed: {choice: [1, 2]}",
        "s.yaml:2:3 seed: cannot vary; 'seeds' of the sweep says with which seeds a configuration "
        + "is run")]
    [InlineData("  optimizer.kind: {choice: {adam: {}, sgd: 0.9}}",
        "s.yaml:2:44 optimizer.kind (sgd): '0.9'; expected the keys that come with this option, "
        + "such as {optimizer.momentum: {uniform: [0.5, 0.99]}}, or {} for none")]
    [InlineData("  model.layers: {value: [{repeat: {uniform: [1, 2]}, items: [relu]}]}",
        "s.yaml:2:35 model.layers[0].repeat: {uniform: [1, 2]}; expected whole numbers from 0 to "
        + "1000, such as {int: [1, 5]}")]
    public void Keys_that_do_not_vary_so(string space, string expected) =>
        Refused(expected, SpaceErrors(space));

    [Theory]
    [InlineData("optimizer.kin: sgd",
        "its condition names optimizer.kin, which does not vary; did you mean optimizer.kind?")]
    [InlineData("optimizer.learningRate: 0.1",
        "its condition names optimizer.learningRate, which is no choice; known: optimizer.kind")]
    [InlineData("optimizer.kind: [sgd, adamx]",
        "its condition names the option adamx, which optimizer.kind does not have; did you mean "
        + "adam?")]
    [InlineData("optimizer.weightDecay: 1",
        "its condition names optimizer.weightDecay, which is no choice; known: optimizer.kind")]
    public void Conditions_on_what_is_not_there(string when, string problem) => Refused(
        $"s.yaml:4:3 optimizer.weightDecay: {problem}",
        SpaceErrors($"{Rate}  optimizer.kind: {{choice: [adam, sgd]}}\n"
            + $"  optimizer.weightDecay: {{uniform: [0, 1e-3], when: {{{when}}}}}"));

    [Fact]
    public void Conditions_that_wait_for_each_other() => Refused(
        "s.yaml:2:3 optimizer.kind: its condition depends on itself: optimizer.kind, schedule.kind "
        + "wait for each other; expected a choice that is always there",
        SpaceErrors(
            "  optimizer.kind: {choice: [adam, sgd], when: {schedule.kind: cosine}}\n"
            + "  schedule.kind: {choice: [cosine, constant], when: {optimizer.kind: sgd}}"));

    [Fact]
    public void Conditions_that_never_hold() => Refused(
        "s.yaml:2:45 optimizer.momentum: never there: its conditions expect different options of "
        + "optimizer.kind",
        SpaceErrors("  optimizer.kind: {choice: {adam: {}, sgd: {optimizer.momentum: "
            + "{uniform: [0.5, 0.9], when: {optimizer.kind: adam}}}}}"));

    [Fact]
    public void A_key_that_varies_twice()
    {
        Refused(
            "s.yaml:4:3 optimizer.momentum: varies twice, also at s.yaml:3:31; expected it once, "
            + "or under different options of one choice",
            SpaceErrors(
                "  optimizer.kind:\n    choice: {adamw: {}, sgd: {optimizer.momentum: "
                + "{uniform: [0.5, 0.9]}}}\n  optimizer.momentum: {uniform: [0.1, 0.5]}"));
        Assert.Contains(
            "s.yaml:3:3: not valid YAML: Duplicate key globalBatch",
            Assert.Single(SpaceErrors(
                "  globalBatch: {choice: [32, 64]}\n  globalBatch: {choice: [16, 64]}")));
    }

    [Theory]
    [InlineData("  optimizer.learnRate: {uniform: [0.1, 0.2]}",
        "s.yaml:2:3 optimizer.learnRate: unknown key; did you mean learningRate?")]
    [InlineData("  model.conv[7].filters: {int: [8, 64]}",
        "s.yaml:2:3 model.conv[7].filters: conv[7] does not exist; there are 2 conv layers in the "
        + "model, [0] to [1]")]
    [InlineData("  optimizer.momentum: {uniform: [0.5, 0.9]}",
        "s.yaml:2:3 optimizer.momentum: adam has no such setting; remove it or choose another "
        + "kind")]
    [InlineData("  labelSmoothing: {uniform: [0, 1]}",
        "s.yaml:2:3 labelSmoothing: '1'; expected a number of 0 or more and below 1 (with "
        + "labelSmoothing = 1)")]
    [InlineData("  optimizer.kind: {choice: [adam, sdg]}",
        "s.yaml:2:35 optimizer.kind: unknown value 'sdg'; did you mean sgd? (with optimizer.kind = "
        + "sdg)")]
    [InlineData("  dataset: {choice: [mnist, mnits]}",
        "s.yaml:2:29 dataset.name: unknown dataset 'mnits'; did you mean mnist? (or a folder of "
        + "images) (with dataset = mnits)")]
    [InlineData("  model.layers[0].conv: {choice: [{filters: 8, kernel: 3}, "
        + "{filters: 8, kernel: 31, padding: 0}]}",
        "s.yaml:2:60 layer conv1: a kernel of 31 does not fit the input 1x28x28 with a padding of "
        + "0; expected a kernel of at most 28 (with model.layers[0].conv = {filters: 8, kernel: "
        + "31, padding: 0})")]
    public void Values_that_no_run_can_have(string space, string expected) =>
        Refused(expected, SpaceErrors(space));

    [Fact]
    public void A_repeat_that_leaves_nothing_of_the_image() => Refused(
        "s.yaml:4:50 layer layers[4] (maxPool): a kernel of 2 does not fit the input 1x1x1 with a "
        + "padding of 0; expected a kernel of at most 1 (with model.layers.repeat = 6)",
        SpaceErrors(
            """
              model.layers:
                value:
                  - {repeat: {int: [1, 6]}, items: [maxPool: 2]}
                  - flatten
                  - linear: classes
            """));

    [Fact]
    public void What_only_fails_together_is_not_refused()
    {
        // A kernel of 25 leaves 4 of 28 pixels, or 8 with padding, and pooling half of them: too
        // little for a second kernel of 5 without padding, enough for one of 3 with it.
        SweepFileContent content = SweepFile.Read(
            """
            space:
              model.layers[0].conv.padding: {choice: [0, 2]}
              model.layers[0].conv.kernel: {choice: [5, 25]}
              model.layers[3].conv:
                choice: [{filters: 8, kernel: 3}, {filters: 8, kernel: 5, padding: 0}]
            trials: 1
            """,
            "s.yaml", []);
        Assert.Equal(3, content.Space.Dimensions.Count);
    }

    [Theory]
    [InlineData("trials: 0", "s.yaml:3:9 trials: '0'; expected a whole number from 1 to 1000000")]
    [InlineData("", "s.yaml:1:1 trials: missing; expected how many trials are to be run, all seeds "
        + "counted")]
    [InlineData("trials: 1\ntrails: 2", "s.yaml:4:1 trails: unknown key; did you mean trials?")]
    [InlineData("trials: 1\nrun: fast",
        "s.yaml:4:6 run: 'fast'; expected a run spec, such as {dataset: mnist, epochs: 3}")]
    [InlineData("trials: 1\nrun: {seed: 3}",
        "s.yaml:4:7 run.seed: a trial has its own seed; expected 'seeds' of the sweep")]
    [InlineData("trials: 1\nrun: {epoch: 3}",
        "s.yaml:4:7 epoch: unknown key; did you mean epochs?")]
    [InlineData("trials: 1\nrun:\n  model.conv[4].kernel: 3",
        "s.yaml:5:3 model.conv[4].kernel: conv[4] does not exist; there are 2 conv layers in the "
        + "model, [0] to [1]")]
    [InlineData("trials: 1\nrun: {dataset: ./pictures}",
        "s.yaml:4:16 dataset: './pictures' is no absolute path; expected one that means the same "
        + "on every machine, such as PATH/pictures")]
    [InlineData("trials: 1\nname: a b",
        "s.yaml:4:7 name: 'a b'; expected letters, digits, '.', '_' and '-', beginning with a "
        + "letter or digit")]
    [InlineData("trials: 1\nsampler: tpee",
        "s.yaml:4:10 sampler: unknown sampler 'tpee'; did you mean tpe?")]
    [InlineData("trials: 1\nsampler: {tpe: {candidate: 3}}",
        "s.yaml:4:17 sampler.tpe.candidate: unknown key; did you mean candidates?")]
    [InlineData("trials: 1\nsampler: [tpe]",
        "s.yaml:4:10 sampler: a list; expected one of grid, random, sobol, tpe, cma-es, perhaps "
        + "with settings as in sampler: {tpe: {…}}")]
    [InlineData("trials: 1\nsampler: grid",
        "s.yaml:2:3 optimizer.learningRate: a range without a step beside sampler grid; expected "
        + "a step, or a choice")]
    [InlineData("trials: 1\nobjective: testAccuracy",
        "s.yaml:4:12 objective: 'testAccuracy'; expected maximize or minimize and a metric, such "
        + "as 'maximize testAccuracy'")]
    [InlineData("trials: 1\nobjective: [minimize testLos]",
        "s.yaml:4:13 objective: unknown metric 'testLos'; did you mean testLoss?")]
    [InlineData("trials: 1\nobjective: [minimize flops, maximize flops]",
        "s.yaml:4:29 objective: flops is there twice; expected each metric once")]
    [InlineData("trials: 1\nseeds: [1, 1]",
        "s.yaml:4:8 seeds: expected how many seeds, or a list of different whole numbers")]
    [InlineData("trials: 1\nlimits: {hours: 0}",
        "s.yaml:4:17 limits.hours: '0'; expected a number above 0 and at most 100000")]
    [InlineData("trials: 1\nlimits: {concurent: 2}",
        "s.yaml:4:10 limits.concurent: unknown key; did you mean concurrent?")]
    [InlineData("trials: 1\nsampler: tpe\ndeterministic: true",
        "s.yaml:5:16 deterministic: true with a sampler that learns, and no number of trials at a "
        + "time: what it has seen would depend on the workers; expected limits.concurrent")]
    [InlineData("trials: 1\nobjective: maximize imagesPerSecond\nsampler: tpe\n"
        + "limits: {concurrent: 1}\ndeterministic: true",
        "s.yaml:7:16 deterministic: true with decisions by imagesPerSecond, which is never the "
        + "same twice; expected another objective, or false")]
    public void Keys_of_the_sweep(string rest, string expected) => Refused(
        expected.Replace("PATH", Environment.CurrentDirectory, StringComparison.Ordinal),
        Errors($"space:\n{Rate}{rest}\n"));

    [Theory]
    [InlineData("run: {epochs: 2}\nscheduler: {asha: {divisor: 3}}",
        "s.yaml:4:12 scheduler: a divisor of 3 with trials of 2 epochs leaves no epoch to judge "
        + "at; expected run.epochs of 3 or more")]
    [InlineData("run: {epochs: 9}\nscheduler: {hyperband: {divisor: 3, brackets: 4}}",
        "s.yaml:4:12 scheduler: 4 brackets with 3 rungs in 9 epochs; expected at most 3 brackets, "
        + "or more epochs")]
    [InlineData("run: {epochs: 4}\nscheduler: {median: {graceEpochs: 4}}",
        "s.yaml:4:12 scheduler: it would judge from epoch 4 on, and trials end with epoch 4; "
        + "expected it to judge before the end")]
    [InlineData("run: {epochs: 4}\nscheduler: {pbt: {everyEpochs: 4}}",
        "s.yaml:4:12 scheduler: an interval of 4 epochs with trials of 4; expected an interval "
        + "below the epochs")]
    [InlineData("run: {epochs: 4}\nscheduler: pbt",
        "s.yaml:4:12 scheduler.pbt.everyEpochs: missing; expected after how many epochs trials "
        + "take over from others, such as pbt: {everyEpochs: 2}")]
    [InlineData("run: {epochs: 9, steps: 100}\nscheduler: asha",
        "s.yaml:3:18 steps: a cap on steps beside a scheduler, which judges after epochs; expected "
        + "epochs alone")]
    [InlineData("run: {epochs: 9}\nscheduler: ahsa",
        "s.yaml:4:12 scheduler: unknown scheduler 'ahsa'; did you mean asha?")]
    public void Schedulers_that_have_nothing_to_judge(string rest, string expected) =>
        Refused(expected, Errors($"space:\n{Rate}{rest}\ntrials: 9\n"));

    [Fact]
    public void A_scheduler_needs_trials_of_the_same_length() => Refused(
        "s.yaml:4:12 scheduler: trials of 3, 6 epochs cannot be compared after the same epochs; "
        + "expected the same epochs for all: give run.epochs, and no epochs in space",
        Errors("space:\n  model: {choice: [course-cnn, cifar-cnn]}\nrun: {dataset: mnist}\n"
            + "scheduler: median\ntrials: 9\n"));

    [Fact]
    public void Pbt_cannot_change_the_network() => Refused(
        "s.yaml:2:3 model.conv[0].filters: varies beside scheduler pbt, where a trial goes on from "
        + "the state of another; expected only what may change on the way: keys of optimizer (but "
        + "its kind), schedule and augmentation, labelSmoothing, or a dropout",
        Errors("space:\n  model.conv[0].filters: {int: [8, 64]}\nrun: {epochs: 8}\n"
            + "scheduler: {pbt: {everyEpochs: 2}}\ntrials: 9\n"));

    [Fact]
    public void Nothing_varies()
    {
        const string expected = "space: missing; expected what varies, such as "
            + "optimizer.learningRate: {loguniform: [1e-4, 1e-1]}";
        Refused($"s.yaml:1:1 {expected}", Errors("trials: 1"));
        Assert.Equal(2, Errors("").Length);
        Refused("s.yaml:1:1: a list; expected a map of keys such as run, space and trials",
            Errors("[a]"));
    }

    [Fact]
    public void All_errors_come_at_once() => Assert.Equal(
        [
            "s.yaml:5:10 sampler: unknown sampler 'bayes'; known: grid, random, sobol, tpe, cma-es",
            "s.yaml:6:9 trials: '-1'; expected a whole number from 1 to 1000000",
            "s.yaml:3:29 labelSmoothing.uniform: from 1 to 0; expected the low end first, and a "
                + "high end above it",
            "s.yaml:4:7 epoch: unknown key; did you mean epochs?",
        ],
        Errors($"space:\n{Rate}  labelSmoothing: {{uniform: [1, 0]}}\nrun: {{epoch: 3}}\n"
            + "sampler: bayes\ntrials: -1\n"));

    [Fact]
    public void What_samplers_and_schedulers_refuse_is_told_with_its_place()
    {
        var rules = new SweepRules((_, _) => "no numbers", (_, epochs) => $"{epochs} are odd");
        var exception = Assert.Throws<SpecificationException>(() => SweepFile.Read(
            $"space:\n{Rate}run: {{epochs: 9}}\nsampler: cma-es\nscheduler: asha\ntrials: 9\n",
            "s.yaml", [], rules));
        Assert.Equal(
            ["s.yaml:5:12 scheduler: 9 are odd", "s.yaml:4:10 sampler: no numbers"],
            exception.Errors);
    }

    [Fact]
    public void A_key_with_brackets_needs_quotes_within_braces()
    {
        const string space = "space: {KEY: {int: [8, 64]}}\ntrials: 1\n";
        Assert.EndsWith(
            "; a key with [ ] needs quotes within { }",
            Assert.Single(Errors(space.Replace("KEY", "model.conv[0].filters"))));
        SweepFile.Read(space.Replace("KEY", "\"model.conv[0].filters\""), "s.yaml", []);
    }

    [Fact]
    public void A_file_with_mistakes_anywhere_is_read_or_refused_and_nothing_else()
    {
        string[] lines = SweepFiles.Deployed("example.yaml").Split('\n');
        string[] words = [.. lines.SelectMany(line => line.Split(' ')).Where(word => word != "")];
        var refused = 0;
        for (ulong mistake = 0; mistake < 400; mistake++)
        {
            int Draw(ulong what, int below) =>
                (int)CounterRandom.Below(CounterRandom.Key(3, mistake), what, (uint)below);
            var changed = lines.ToList();
            int line = Draw(0, changed.Count);
            string[] parts = changed[line].Split(' ');
            parts[Draw(1, parts.Length)] = words[Draw(2, words.Length)];
            changed[line] = string.Join(' ', parts);
            if (Draw(3, 3) == 0)
                changed.RemoveAt(Draw(4, changed.Count));
            try
            {
                SweepFile.Read(string.Join('\n', changed), "s.yaml", []);
            }
            catch (SpecificationException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 100, 399);
    }

    [Fact]
    public void An_override_is_named_as_the_place() => Assert.Equal(
        [
            "--set run.epoch=3 epoch: unknown key; did you mean epochs?",
            "--set trails=3 trails: unknown key; did you mean trials?",
        ],
        Errors($"space:\n{Rate}trials: 1\n", "run.epoch=3", "trails=3").Order());
}
