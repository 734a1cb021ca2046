using Xunit.Abstractions;
using Xunit.Sdk;

namespace Distributed.Runtime.Tests.Store;

/// <summary>
/// Leaves a class's tests out where there is no PostgreSQL, and says so.
/// </summary>
public sealed class WherePostgresIsInstalled : ITestCaseOrderer
{
    public const string Name =
        $"{nameof(Distributed)}.{nameof(Runtime)}.{nameof(Tests)}.{nameof(Store)}."
        + nameof(WherePostgresIsInstalled);

    public const string Assembly = $"{nameof(Distributed)}.{nameof(Runtime)}.{nameof(Tests)}";

    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : ITestCase
    {
        if (PostgresServer.BinaryFolder is not null)
            return testCases;
        Console.WriteLine(
            "PostgreSQL is not installed: the tests of the store in it are left out "
            + "(`apt-get install postgresql` adds them)");
        return [];
    }
}
