using Distributed.Runtime.Tests.Store;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Coordination;

/// <summary>Coordinators whose store is in a real PostgreSQL server.</summary>
[TestCaseOrderer(WherePostgresIsInstalled.Name, WherePostgresIsInstalled.Assembly)]
public sealed class PostgresCoordinatorTests(PostgresServer server, ITestOutputHelper output)
    : SharedStoreTests(output), IClassFixture<PostgresServer>
{
    private readonly string _database = $"t{Guid.NewGuid():n}";

    protected override string StoreLocation => server.Database(_database);
}
