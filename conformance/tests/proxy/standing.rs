//! Faults that last until they are healed.

use std::time::Duration;

use election_conformance::proxy::{Deed, Direction, Fault, HOLD_LIMIT, Injection, Proxy};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinSet, yield_now},
    time::Instant,
};

use crate::ends::{Client, FOREVER, Heard, LineServer, bytes, deeds, delays, started, within};

#[tokio::test]
async fn without_a_fault_bytes_and_both_ends_of_a_stream_pass() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    let [connection] = proxy.connections().try_into().unwrap();
    assert_eq!((connection.number, connection.requests), (1, 1));
    assert_eq!(connection.bytes_to_server, 4);
    assert_eq!(connection.bytes_to_client, 7);

    client.says("half").await;
    client.0.shutdown().await.unwrap();
    server.hears_line("half").await;
    client.hears_line("ok half").await;
    assert_eq!(server.hears().await, Heard::Closed);
    client.is_closed().await;
    within(proxy.until_connections(0)).await;
    assert_eq!(proxy.injections(), []);
}

#[tokio::test]
async fn the_same_seed_delays_by_the_same_amounts() {
    let mut schedules = Vec::new();
    for seed in [7, 7, 8] {
        let server = LineServer::start().await;
        let proxy = Proxy::start(server.address, seed).await.unwrap();
        proxy.inject(Fault::Latency {
            fixed: Duration::from_millis(1),
            jitter: Duration::from_millis(4),
        });
        let mut client = Client::of(&proxy).await;
        let began = Instant::now();
        for line in ["one", "two", "three"] {
            client.asks(line).await;
        }
        let schedule = delays(&proxy);
        assert_eq!(schedule.len(), 6);
        assert!(began.elapsed() >= schedule.iter().sum::<Duration>());
        schedules.push(schedule);
    }
    assert_eq!(schedules[0], schedules[1]);
    assert_ne!(schedules[0], schedules[2]);
}

#[tokio::test]
async fn latency_keeps_the_order_of_bytes() {
    let (mut server, proxy) = started().await;
    let latency = Fault::Latency {
        fixed: Duration::ZERO,
        jitter: Duration::from_millis(3),
    };
    proxy.inject(latency.toward(Direction::ToServer));
    let mut client = Client::of(&proxy).await;
    for number in 0..100 {
        client.says(&format!("{number}\n")).await;
        yield_now().await;
    }
    for number in 0..100 {
        server.hears_line(&number.to_string()).await;
        client.hears_line(&format!("ok {number}")).await;
    }
}

#[tokio::test]
async fn what_is_late_arrives_when_healed() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    proxy.inject(Fault::Latency {
        fixed: FOREVER,
        jitter: FOREVER,
    });
    client.says("two\n").await;
    within(proxy.until_injected()).await;
    proxy.heal();
    client.hears_line("ok two").await;
    server.hears_line("one").await;
    server.hears_line("two").await;
}

#[tokio::test]
async fn healing_delivers_what_a_blackhole_held_first() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    proxy.inject(Fault::Blackhole.toward(Direction::ToServer));
    client.says("held\n").await;
    within(proxy.until_injected()).await;
    assert_eq!(proxy.connections()[0].bytes_to_server, 4);
    proxy.heal();
    client.says("later\n").await;
    server.hears_line("held").await;
    server.hears_line("later").await;
    client.hears_line("ok held").await;
    client.hears_line("ok later").await;
    assert_eq!(deeds(&proxy), [Deed::Held, Deed::Delivered]);
}

#[tokio::test]
async fn healing_can_lose_what_a_blackhole_held() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    proxy.inject(Fault::Blackhole);
    client.says("lost\n").await;
    within(proxy.until_injected()).await;
    proxy.heal_losing_held();
    client.asks("kept").await;
    server.hears_line("kept").await;
    assert_eq!(deeds(&proxy), [Deed::Held, Deed::Lost]);
}

#[tokio::test]
async fn a_blackhole_toward_the_client_lets_requests_through() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    proxy.inject(Fault::Blackhole.toward(Direction::ToClient));
    client.says("one\n").await;
    server.hears_line("one").await;
    within(proxy.until_injected()).await;
    assert_eq!(proxy.connections()[0].bytes_to_client, 0);
    proxy.heal();
    client.hears_line("ok one").await;
}

#[tokio::test]
async fn the_end_of_a_stream_is_held_behind_its_bytes() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    proxy.inject(Fault::Blackhole);
    client.says("last words\n").await;
    drop(client);
    within(proxy.until_injected()).await;
    assert_eq!(proxy.connections().len(), 1);
    proxy.heal();
    server.hears_line("last words").await;
    within(proxy.until_connections(0)).await;
}

#[tokio::test]
async fn a_blackhole_holds_so_much_and_no_more() {
    const TOTAL: usize = HOLD_LIMIT + 8 * 1024 * 1024;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let proxy = Proxy::start(server, 1).await.unwrap();
    proxy.inject(Fault::Blackhole);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let writes = tokio::spawn(async move { client.write_all(&vec![7; TOTAL]).await });
    let full = |log: &[Injection]| bytes(log, Deed::Held) >= HOLD_LIMIT;
    within(proxy.until(full)).await;
    for _ in 0..1000 {
        yield_now().await; // whoever wants to read more may do so
    }
    assert_eq!(bytes(&proxy.injections(), Deed::Held), HOLD_LIMIT);
    proxy.heal();
    let (mut stream, _) = within(listener.accept()).await.unwrap();
    let mut received = Vec::new();
    within(stream.read_to_end(&mut received)).await.unwrap();
    assert_eq!(received.len(), TOTAL);
    within(writes).await.unwrap().unwrap();
}

#[tokio::test]
async fn bytes_arrive_one_by_one_when_sliced() {
    let (_server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    let slice = Fault::Slice {
        bytes: 1,
        pause: FOREVER,
    };
    proxy.inject(slice.toward(Direction::ToClient));
    client.says("one\n").await;
    let mut buffer = [0; 64];
    assert_eq!(within(client.0.read(&mut buffer)).await.unwrap(), 1);
    assert_eq!(buffer[0], b'o');
    proxy.heal();
    client.hears_line("k one").await;
    assert_eq!(deeds(&proxy), [Deed::Sliced(1)]);
}

#[tokio::test]
async fn slices_add_up_to_what_was_sent() {
    let (mut server, proxy) = started().await;
    proxy.inject(Fault::slice(1));
    let mut client = Client::of(&proxy).await;
    let long = "word".repeat(500);
    client.asks(&long).await;
    server.hears_line(&long).await;
}

#[tokio::test]
async fn a_bandwidth_limits_the_rate() {
    let (_server, proxy) = started().await;
    proxy.inject(Fault::bandwidth(2000).toward(Direction::ToClient));
    let mut client = Client::of(&proxy).await;
    let began = Instant::now();
    client.asks(&"x".repeat(196)).await;
    // 200 bytes, of which the first tenth does not wait.
    assert!(began.elapsed() >= Duration::from_millis(90));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_on_many_threads_keep_their_bytes_apart() {
    let (_server, proxy) = started().await;
    proxy.inject(Fault::slice(3));
    proxy.inject(Fault::Latency {
        fixed: Duration::ZERO,
        jitter: Duration::from_millis(1),
    });
    let talk = |number: usize, mut client: Client| async move {
        for line in 0..20 {
            client
                .asks(&format!("line {line} of client {number}"))
                .await;
        }
    };
    let mut talks = JoinSet::new();
    for number in 0..20 {
        talks.spawn(talk(number, Client::of(&proxy).await));
    }
    within(talks.join_all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_come_and_go_lose_no_byte() {
    let (_server, proxy) = started().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(Client::of(&proxy).await);
    }
    within(proxy.until_connections(clients.len())).await;
    let mut talks = JoinSet::new();
    for mut client in clients {
        talks.spawn(async move {
            for line in 0..50 {
                client.asks(&format!("line {line}")).await;
            }
        });
    }
    let come_and_go = async {
        loop {
            for fault in [Fault::Blackhole, Fault::slice(1), Fault::Refuse] {
                proxy.inject(fault);
                yield_now().await;
                proxy.heal();
            }
        }
    };
    tokio::select! {
        _ = within(talks.join_all()) => {}
        () = come_and_go => {}
    }
}
