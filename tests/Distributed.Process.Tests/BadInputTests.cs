namespace Distributed.Process.Tests;

/// <summary>
/// Whatever is wrong with what the user gives ends with the documented exit code and one line that
/// says what, what was expected and what to do. Nothing has been started or written then.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class BadInputTests(Workplace workplace)
{
    private const int OperatingError = 1;
    private const int BadUsage = 2;

    /// <summary>The words that the line must have are separated by bars.</summary>
    [Theory]
    [InlineData("trian", "trian|did you mean 'train'?")]
    [InlineData("train --wokers 2", "--wokers|did you mean '--workers'?")]
    [InlineData("train --workers 0", "--workers '0'|at least 1")]
    [InlineData("train --workers two", "--workers 'two'|a whole number")]
    [InlineData("train --lr -1", "--lr '-1'|a number above 0")]
    [InlineData("train --dataset fashon-mnist", "fashon-mnist|fashion-mnist")]
    [InlineData("train --dataset ./nowhere", "./nowhere|does not exist|a folder of images")]
    [InlineData("train --model curse-cnn", "curse-cnn|did you mean course-cnn?")]
    [InlineData("train --model nothing.yaml", "nothing.yaml|does not exist|a YAML file")]
    [InlineData("train --optimizer adma", "adma|did you mean 'adam'?")]
    [InlineData("train --schedule cosin", "cosin|did you mean 'cosine'?")]
    [InlineData("train --set optimiser.kind=sgd", "optimiser|did you mean optimizer?")]
    [InlineData("train --set optimizer.kind=sdg", "sdg|did you mean sgd?")]
    [InlineData("train --set sead=2", "sead|did you mean seed?")]
    [InlineData("train --set seed", "seed|expected KEY=VALUE")]
    [InlineData("train --set model.conv[0].kernel=0", "kernel|0|expected")]
    [InlineData("train --logical-shards 6", "6|a power of two")]
    [InlineData("train --global-batch 4 --logical-shards 8", "8 shards|a batch of 4|at most")]
    [InlineData("train --workers 2 --cluster 127.0.0.1:1", "--workers|--cluster|one of the two")]
    public void AWordThatIsNotKnownOrNotPossible(string command, string words)
    {
        string folder = workplace.NewPath("refused");
        string[] arguments = command.Split(' ');
        if (arguments[0] == "train")
            arguments = [.. arguments, "--out", folder];

        Refuses(workplace.Run(arguments), BadUsage, words);
        Assert.False(Directory.Exists(folder), "nothing is written before all is checked");
    }

    [Theory]
    [InlineData("train --cluster nowhere", "nowhere|expected host:port")]
    [InlineData("train --cluster 127.0.0.1:1,", "\"\" is not an address|expected host:port")]
    [InlineData("worker --set cluster.seed-nods=[]", "seed-nods|seed-nodes")]
    [InlineData("coordinator --config nothing.hocon", "nothing.hocon|does not exist|expected")]
    public void AnAddressOrAConfigurationThatCannotBeUsed(string command, string words) =>
        Refuses(workplace.Run(command.Split(' ')), OperatingError, words);

    [Fact]
    public void MoreSamplesInABatchThanThereAre() => Refuses(
        Train("--global-batch", "500"), BadUsage, "globalBatch|500|at most 400");

    [Fact]
    public void ALayerThatDoesNotFitIsNamed()
    {
        string file = Write("""
            layers:
              - conv: {name: first, filters: 8, kernel: 3}
              - linear: {name: head, features: classes}
            """);

        Refuses(Train("--model", file), BadUsage, "head|expected");
        // What is known of a dataset ahead of its download is checked with the text at hand.
        Refuses(
            workplace.Run(
                "train", "--dataset", "mnist", "--model", file, "--out", workplace.NewPath("bad")),
            BadUsage, $"{file}:3|head|expected");
    }

    [Fact]
    public void ALayerThatIsNotKnown()
    {
        string file = Write("""
            layers:
              - flaten
              - linear: classes
            """);

        Refuses(Train("--model", file), BadUsage, $"{file}:2|flaten|did you mean flatten?");
    }

    [Fact]
    public void AFolderWithARunIsNeverOverwritten()
    {
        string folder = workplace.UndisturbedFolder(Recipe.CourseCnn);
        byte[] before = File.ReadAllBytes(Path.Combine(folder, "metrics.jsonl"));

        CommandResult result = workplace.Run([.. Arguments(), "--out", folder]);

        Refuses(result, OperatingError, $"{folder}|--resume|--out");
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(folder, "metrics.jsonl")));
    }

    [Fact]
    public void AFolderThatCannotBeWritten()
    {
        string file = workplace.NewPath("file");
        File.WriteAllText(file, "");

        Refuses(
            workplace.Run([.. Arguments(), "--out", Path.Combine(file, "run")]), OperatingError,
            $"{file}|cannot be written|--out");
        Refuses(
            workplace.Run([.. Arguments(), "--out", file]), OperatingError,
            $"{file} is a file|--out");
    }

    [Fact]
    public void NoRunToGoOnWith()
    {
        string folder = workplace.NewPath("nothing");
        Refuses(Resume(folder), OperatingError, $"{folder}|expected a run folder");
        Directory.CreateDirectory(folder);
        Refuses(Resume(folder), OperatingError, $"{folder}|run.yaml");
    }

    [Theory]
    [InlineData("--seed 2", "seed: 2")]
    [InlineData("--lr 0.5", "learningRate: 0.5")]
    [InlineData("--logical-shards 2", "logicalShards: 2")]
    public void AnotherRunThanTheOneThatIsResumed(string change, string words) => Refuses(
        workplace.Run(
            [
                "train", "--json", "--resume", "--out",
                workplace.UndisturbedFolder(Recipe.CourseCnn), .. change.Split(' '),
            ]),
        BadUsage, $"{words}|not the run that is resumed|--out");

    [Fact]
    public void ALossThatIsNoNumberNamesStepAndShard()
    {
        CommandResult result = Train("--lr", "1e20", "--workers", "2");

        string error = result.Expect(4).OnlyError();
        Assert.Matches("logical shard [0-3] at step [0-9]+ is (NaN|-?Infinity|∞|-?∞)", error);
        Assert.Contains("--lr", error);
    }

    [Fact]
    public void ALibtorchThatIsNoneIsNamedBeforeAnythingStarts()
    {
        foreach ((string variable, string name) in new[]
        {
            ("LIBTORCH", "LIBTORCH"), ("TORCH__FOLDER", "torch.folder"),
        })
        {
            CommandResult result = RunWith(
                $"{variable}=/nowhere", "train", "--out", workplace.NewPath("engine"));
            Assert.Contains(
                $"{name} names /nowhere as libtorch, but it does not exist: expected a folder",
                result.Expect(OperatingError).Errors[^1]);
        }

        string file = Write("torch.folder = /proc");
        Refuses(
            RunWith("A=B", "worker", "--config", file), OperatingError,
            "torch.folder names /proc|it has no include/ATen/ATen.h|expected");
    }

    /// <summary>Stand-ins for the engine, each a library that says of itself what the case
    /// needs.</summary>
    [Theory]
    [InlineData("", "has revision 0|expected|remove it")]
    [InlineData("int dt_abi_revision() { return 1; }", "has revision 1|expected|remove it")]
    [InlineData(
        """
        int dt_abi_revision() { return REVISION; }
        const char* dt_last_error() { return ""; }
        int dt_libtorch_describe(char* text, long capacity, long* needed) {
            const char lines[] = "built=2.6.0\nloaded=2.7.1\nfile=/other/libtorch_cpu.so\n";
            *needed = sizeof lines;
            if (capacity >= *needed) __builtin_memcpy(text, lines, sizeof lines);
            return 0;
        }
        """,
        "for libtorch 2.6.0|libtorch 2.7.1 was loaded|/other/libtorch_cpu.so|expected|LIBTORCH")]
    [InlineData("void f(); void (*used)() = f;", "cannot be loaded|undefined symbol: f|remove")]
    public void AnEngineThatDoesNotFitIsNamedWithWhatToDo(string source, string words)
    {
        string file = workplace.NewPath("engine") + ".c";
        string library = workplace.NewPath("engine.so");
        File.WriteAllText(
            file, source.Replace("REVISION", $"{Revision()}", StringComparison.Ordinal));
        using (var compiler = System.Diagnostics.Process.Start(
            "gcc", ["-shared", "-fPIC", "-o", library, file]))
        {
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }

        CommandResult result = RunWith($"DISTRIBUTED_NATIVE={library}", "doctor", "--json");
        result.Expect(OperatingError);
        string finding = result.Output.Single(
            line => line.Contains("\"status\":\"fail\"", StringComparison.Ordinal));
        foreach (string word in words.Split('|'))
            Assert.Contains(word, finding);
    }

    [Fact]
    public void AnEngineThatIsNamedAndNotThereIsSaid()
    {
        CommandResult result = RunWith("DISTRIBUTED_NATIVE=/nowhere.so", "doctor", "--engine");
        Assert.Contains("DISTRIBUTED_NATIVE names /nowhere.so", result.Expect(1).Story);
    }

    private static int Revision() => int.Parse(
        File.ReadLines(Path.Combine(
            Repository.Root, "src", "Distributed.Torch", "native", "abi.h"))
            .Single(line => line.Contains("DT_ABI_REVISION =", StringComparison.Ordinal))
            .Split('=')[1].Trim(' ', '}', ';'));

    private CommandResult RunWith(string variable, params string[] arguments)
    {
        string[] all = arguments[0] == "train"
            ? [.. Arguments(), .. arguments.Skip(1)]
            : arguments;
        using CommandRun run = CommandRun.Start(
            workplace, [variable, Repository.Program, .. all], "/usr/bin/env");
        return run.Finish();
    }

    private static void Refuses(CommandResult result, int exitCode, string words)
    {
        string error = result.Expect(exitCode).OnlyError();
        Assert.StartsWith("distributed: ", error);
        Assert.All(words.Split('|'), word => Assert.Contains(word, error));
        Assert.Empty(result.Output);
    }

    private string[] Arguments() =>
        ["train", "--dataset", workplace.DatasetFolder, "--epochs", "1"];

    private CommandResult Train(params string[] flags) =>
        workplace.Run([.. Arguments(), "--json", "--out", workplace.NewPath("bad"), .. flags]);

    private CommandResult Resume(string folder) =>
        workplace.Run("train", "--resume", "--out", folder);

    private string Write(string yaml)
    {
        string file = workplace.NewPath("model") + ".yaml";
        File.WriteAllText(file, yaml);
        return file;
    }
}
