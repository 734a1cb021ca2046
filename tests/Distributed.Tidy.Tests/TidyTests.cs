namespace Distributed.Tidy.Tests;

/// <summary>Holds the repository to each rule.</summary>
public sealed class TidyTests
{
    [Fact]
    public void The_repository_is_found() =>
        Assert.Contains(Repository.Files, file => file.Path == "Distributed.sln");

    [Fact]
    public void Arrows_between_projects_point_down() =>
        Holds(LayerRules.ByProjectReference);

    [Fact]
    public void Namespaces_are_used_along_the_arrows() => Holds(LayerRules.ByNamespace);

    [Fact]
    public void Actors_touch_no_clock_chance_thread_or_file() => Holds(BannedCallRules.Check);

    [Fact]
    public void Lines_fit_the_columns() => Holds(ShapeRules.LongLines);

    [Fact]
    public void Methods_fit_a_screen() => Holds(ShapeRules.LongMethods);

    [Fact]
    public void Files_fit_a_sitting() => Holds(ShapeRules.LongFiles);

    [Fact]
    public void Nothing_is_left_for_later_and_no_machine_is_named() =>
        Holds(TextRules.BannedWords);

    [Fact]
    public void No_test_is_skipped() => Holds(TextRules.SkippedTests);

    [Fact]
    public void Documents_have_one_title() => Holds(TextRules.Headings);

    [Fact]
    public void Project_references_are_used() => Holds(ReferenceRules.UnusedProjectReferences);

    [Fact]
    public void Package_versions_are_used() => Holds(ReferenceRules.UnusedPackageVersions);

    private static void Holds(Func<IReadOnlyList<SourceFile>, IEnumerable<string>> rule)
    {
        var failures = rule(Repository.Files).Distinct().ToList();
        Assert.True(failures.Count == 0, string.Join(Environment.NewLine, failures));
    }
}
