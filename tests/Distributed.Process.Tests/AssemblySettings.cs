// Each test starts several processes that compute: side by side they would only slow each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
