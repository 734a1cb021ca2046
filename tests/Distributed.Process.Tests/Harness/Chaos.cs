namespace Distributed.Process.Tests;

/// <summary>
/// How much is tried of what can go wrong at any moment: a little in the ordinary suite, and all of
/// it with <c>DISTRIBUTED_CHAOS=1</c>, which takes about an hour.
/// </summary>
internal static class Chaos
{
    public static bool IsOn { get; } =
        Environment.GetEnvironmentVariable("DISTRIBUTED_CHAOS") == "1";

    public static int Times(int ordinary, int chaos) => IsOn ? chaos : ordinary;

    /// <summary>The numbers from which the rounds of a theory draw: 1, 2, 3 and so on.</summary>
    public static IEnumerable<int> Seeds(int ordinary, int chaos) =>
        Enumerable.Range(1, Times(ordinary, chaos));
}
